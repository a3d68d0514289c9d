//! The cell protocol: a shared cache that is exact, whoever dies and whatever arrives late.
//!
//! A *cell* is one key in Redis that one row of Postgres owns. It is in one of four states, always with a TTL:
//!
//! ```text
//!   absent ──SET NX──▶ lease ──fill──▶ value          readers: look, acquire, load, fill
//!     ▲                  │               │
//!     │                  └──── fence ────┤            writers: fence before COMMIT, lift after its reply
//!     └──────────── lift ◀─── fence ◀────┘
//! ```
//!
//! A value near its soft end is claimed by one reader, who loads it again while everybody is served, and stores if the cell
//! still holds that value under that claim.
//!
//! | file | what it owns |
//! |---|---|
//! | `cell` | the four states as bytes |
//! | `shared` | look, acquire, fill: the readers' steps, one round trip each |
//! | `damage` | values whose checksum is wrong |
//! | `fence` | fence, lift: the writers' steps, likewise |
//! | `announce` | the part of those steps that tells everybody |
//! | `relay` | invalidation of what others wrote |
//! | `fullness` | whether a full Redis is worth asking |
//! | `outage` | failed fences and releases, told once an outage |
//! | `speeds` | whether a slow Redis is worth asking |
//! | `gate` | whether Redis may be believed |
//! | `flight` | who may share whose look or load within the process |
//! | `read_through` | a read, from the look to the answer |
//! | `look` | the look at cells, shared by the readers of one |
//! | `departures` | whose loads, and whose refreshes, go as one |
//! | `fly` | a flight, from boarding to landing |
//! | `sequence` | what the count of fences is called |
//! | `near` | copies in this process, and what keeps them exact |
//! | `derived` | what was put together from copies |
//! | `early` | how long values live, and from when on they are refreshed |
//! | `refresh` | the refresh of a value that is served meanwhile: claim, load, store |
//! | `refreshing` | which refreshes this process has under way |
//! | `turn` | turns among the loads for what nobody waits for |
//! | `verify`, `walk`, `sample` | what the self-check needs: compare and discard, which cells there are, which were invalidated |
//!
//! This module knows no user, no post and no HTTP; what it loads, and how, is its [`Loader`]'s business. It cannot fail a
//! request by itself: without Redis, reads go to the loader and writes go on unfenced.

mod announce;
mod cell;
mod damage;
mod departures;
mod derived;
mod early;
mod error;
mod fence;
mod fetched;
mod flight;
mod fly;
mod fullness;
mod gate;
mod loader;
mod look;
mod near;
mod outage;
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

pub use derived::{Again, Derived, Kept};
pub use error::LoadError;
pub use fence::{Ended, Fence, Lifted, WriteToken};
pub use fetched::Fetched;
pub use gate::{Closed, Gate};
pub use loader::{Loaded, Loader};
pub use near::{IdBytes, Recipe, Stamp, look_again, look_once};
pub use read_through::ReadThrough;
pub use shared::{Cache, CellName};
pub use value::CellValue;
pub use verify::{CompareError, Comparison, Differing, Verifier, Verify};
pub use walk::{Met, Walk};
