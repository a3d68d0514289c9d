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
//!   absent ──SET NX──▶ lease ──fill──▶ value          readers: lookup, lease, load, fill
//!     ▲                  │               │
//!     │                  └──── fence ────┤            writers: fence before COMMIT, release after its reply
//!     └──────────── release ◀─ fence ◀───┘
//! ```
//!
//! A value near its soft end is refreshed by one reader, which loads it again while other readers are served, and stores it if the
//! entry still holds that value under that reader's refresh lease.
//!
//! | module | what it owns | it imports |
//! |---|---|---|
//! | `options`, `metrics`, `error`, `entry_id` | settings, counters, errors, ids | |
//! | `protocol` | entries: lookup, lease, fill, fence, release, their Lua scripts; trust | those |
//! | `loader` | how entries are loaded | `protocol` |
//! | `near` | near entries, freshness checks, composed pages | `protocol` |
//! | `read` | the read path: lookup, single flight, batcher, load, fill; refreshes | `near`, `loader`, `protocol` |
//! | `database` | the caller's sqlx pool, or that of `aside-postgres` | |
//! | `outbox` | the outbox, its relay, trust recovery | `protocol`, `database` |
//! | `audit` | the self-check: scan, compare, discard | `outbox`, `loader`, `protocol` |
//! | `cache`, `builder`, `write` | the public interface, and the write section | all |
//!
//! This crate knows no HTTP; what it loads, and how, is its [`Loader`]'s business. It cannot fail a request by itself: without
//! Redis, reads go to the loader and writes go on unfenced.

mod audit;
mod builder;
mod cache;
mod database;
mod entry_id;
mod error;
mod loader;
mod metrics;
mod near;
mod options;
mod outbox;
mod protocol;
mod read;
mod write;

pub use audit::{CompareError, Comparison, Scan, ScanPage, Verifier, Verify};
pub use builder::CacheBuilder;
pub use cache::Cache;
pub use database::Database;
pub use entry_id::{EntryId, IdBytes};
pub use error::LoadError;
pub use loader::{Loaded, Loader};
pub use metrics::{CacheOutcome, EntityLabels, Metrics, RequestLabels, SourceLabels};
pub use near::{
    ComposedPage, ComposedPages, Dependencies, Rebuild, SlotVersion, forget_freshness_check, share_freshness_check,
};
pub use options::{Mode, Options};
pub use outbox::{SCHEMA, install};
pub use protocol::{Ended, EntryName, EntryValue, Fence, LossCount, Mismatch, Protocol, Released, Trust, WriteToken};
pub use read::{Fetched, ReadThrough};
pub use write::{Changed, WriteError};
