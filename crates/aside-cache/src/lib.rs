//! Exact cache-aside for PostgreSQL and Redis: no read shows what was before an answered write, over any number of processes,
//! whichever program writes.
//!
//! Cache-aside has three steps: read Redis; on a miss, read PostgreSQL; store the result with a TTL. Written down like this it has
//! a race. A reader misses and reads the old row. A writer commits a new row and deletes the key. The reader then stores the old
//! row, and every reader sees it until the TTL ends. This crate closes the race with two marks in the same Redis key: a *lease*,
//! which a reader must still hold when it stores a value, and a *write fence*, which a writer sets before COMMIT and which no
//! reader may overwrite. (It is not a fencing token, a growing number.) What a writer that dies leaves behind, and what other
//! programs write, stands in an *outbox* that triggers fill. While Redis may have missed some of it, Redis is not trusted, and
//! reads go to PostgreSQL. Because invalidation is exact, the TTL no longer limits staleness. It only limits memory.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use aside_cache::{Cache, Changed, LoadError, Loaded, Loader, ReadThrough};
//! use aside_redis::{Options, RedisClient};
//! use aside_runtime::shutdown::Shutdown;
//! use sqlx::PgPool;
//!
//! struct PriceLoader(PgPool);
//!
//! impl Loader for PriceLoader {
//!     const ENTITY: &'static str = "price";
//!     type Id = i64;
//!
//!     async fn load(&self, ids: &[i64]) -> Result<Vec<Loaded>, LoadError> {
//!         let rows = sqlx::query_as("SELECT id, cents::text FROM products WHERE id = ANY($1)").bind(ids);
//!         let rows: Vec<(i64, String)> = rows.fetch_all(&self.0).await.map_err(LoadError::source)?;
//!         Ok(Loaded::in_order(ids, rows.into_iter().map(|(id, cents)| (id, Loaded::present(cents.into(), 0)))))
//!     }
//! }
//!
//! type Prices = ReadThrough<PriceLoader>;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = PgPool::connect("postgres://localhost/shop").await?;
//! aside_cache::install(&pool).await?;
//! // Triggers: what other programs write counts too.
//! sqlx::query("SELECT aside_watch('products', 'price', 'id')").execute(&pool).await?;
//!
//! let shutdown = Shutdown::new();
//! let redis = Options::new("redis://localhost".parse()?);
//! let redis = RedisClient::start(&redis, aside_redis::Metrics::default(), &shutdown)?;
//! let cache = Cache::builder(redis, pool.clone()).shutdown(shutdown).start();
//! let prices = cache.entity(PriceLoader(pool), Duration::from_hours(1));
//!
//! let price = prices.get(&7).await?; // near, Redis, or one load for all who ask
//! cache
//!     .write(|transaction| {
//!         Box::pin(async move {
//!             sqlx::query("UPDATE products SET cents = 100 WHERE id = 7").execute(transaction).await?;
//!             Ok(Changed::one(Prices::entry(&7)))
//!         })
//!     })
//!     .await?; // fence before COMMIT, release after it
//! # Ok(())
//! # }
//! ```
//!
//! An *entry* is one key in Redis that one row of Postgres owns. It is in one of four states, always with a TTL:
//!
//! ```text
//!   absent ──SET NX──▶ lease ──fill──▶ value          readers: lookup, acquire, load, fill
//!     ▲                  │               │
//!     │                  └──── fence ────┤            writers: fence before COMMIT, release after its reply
//!     └──────────── release ◀─ fence ◀───┘
//! ```
//!
//! A value near its soft end is refreshed by one reader, who loads it again while others are served, and stores it if the entry
//! still holds that value under that reader's refresh lease.
//!
//! | file | what it owns |
//! |---|---|
//! | `cell` | the four states as bytes |
//! | `shared` | lookup, acquire, fill: the readers' steps, one round trip each |
//! | `damage` | values whose checksum is wrong |
//! | `fence` | fence and release: the writers' steps, likewise |
//! | `announce` | the part of those steps that publishes the invalidation |
//! | `relay` | invalidation of what other programs wrote |
//! | `fullness` | whether a full Redis is worth asking |
//! | `outage` | failed fences and releases, told once an outage |
//! | `speeds` | whether a slow Redis is worth asking |
//! | `gate` | whether Redis is trusted |
//! | `flight` | single flight: the lookup or load that readers of a process share |
//! | `read_through` | a read, from the lookup to the answer |
//! | `look` | the lookup of entries, shared by the readers of one |
//! | `departures` | the batcher: loads, and refreshes, that go as one statement |
//! | `fly` | a load, from the acquisition to the fill |
//! | `sequence` | the names of the count of fences |
//! | `near` | near entries, and what keeps them exact |
//! | `derived` | composed pages |
//! | `early` | how long values live, and from when on they are refreshed |
//! | `refresh` | the refresh of a value that is served meanwhile |
//! | `refreshing` | which refreshes this process has under way |
//! | `turn` | permits for loads that no request waits for |
//! | `verify`, `walk`, `sample` | what the self-check needs: compare and discard, the scan, recent invalidations |
//! | `audit` | the self-check |
//! | `outbox` | the outbox, its relay, and trust recovery |
//! | `database` | the caller's sqlx pool, or that of `aside-postgres` |
//! | `cache`, `builder`, `write` | what a program uses |
//!
//! This crate knows no HTTP; what it loads, and how, is its [`Loader`]'s business. It cannot fail a request by itself: without
//! Redis, reads go to the loader and writes go on unfenced.

mod announce;
mod audit;
mod builder;
mod cache;
mod cell;
mod damage;
mod database;
mod departures;
mod derived;
mod early;
mod entry_id;
mod error;
mod fence;
mod fetched;
mod flight;
mod fly;
mod fullness;
mod gate;
mod loader;
mod look;
mod metrics;
mod near;
mod options;
mod outage;
mod outbox;
mod read_through;
mod reader;
mod refresh;
mod refreshing;
mod relay;
mod sample;
mod sequence;
mod shared;
mod speeds;
mod token;
mod turn;
mod value;
mod verify;
mod walk;
mod write;

pub use builder::CacheBuilder;
pub use cache::Cache;
pub use database::Database;
pub use derived::{Again, Derived, Kept};
pub use entry_id::EntryId;
pub use error::LoadError;
pub use fence::{Ended, Fence, Lifted, WriteToken};
pub use fetched::Fetched;
pub use gate::{Closed, Gate};
pub use loader::{Loaded, Loader};
pub use metrics::{CacheOutcome, EntityLabels, Metrics, RequestLabels, SourceLabels};
pub use near::{IdBytes, Recipe, Stamp, look_again, look_once};
pub use options::{Mode, Options};
pub use outbox::{SCHEMA, install};
pub use read_through::ReadThrough;
pub use shared::{CellName, Protocol};
pub use value::CellValue;
pub use verify::{CompareError, Comparison, Differing, Verifier, Verify};
pub use walk::{Met, Walk};
pub use write::{Changed, WriteError};
