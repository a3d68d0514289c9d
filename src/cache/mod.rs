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
//! | file | what it owns |
//! |---|---|
//! | `cell` | the four states as bytes |
//! | `shared` | look, acquire, fill: the readers' steps, one round trip each |
//! | `fence` | fence, lift: the writers' steps, likewise |
//! | `announce` | the part of those steps that tells everybody |
//! | `relay` | invalidation of what others wrote |
//! | `fullness` | whether a full Redis is worth asking |
//! | `gate` | whether Redis may be believed |
//! | `flight` | who may share whose load within the process |
//! | `read_through` | a read, from the look to the answer |
//! | `fly` | a flight, from boarding to landing |
//!
//! This module knows no user, no post and no HTTP; what it loads, and how, is its [`Loader`]'s business. It cannot fail a
//! request by itself: without Redis, reads go to the loader and writes go on unfenced.

mod announce;
mod cell;
mod error;
mod fence;
mod flight;
mod fly;
mod fullness;
mod gate;
mod loader;
mod read_through;
mod reader;
mod relay;
mod shared;
mod token;
mod value;

pub use error::LoadError;
pub use fence::{Ended, Fence, Lifted, WriteToken};
pub use gate::{Closed, Gate};
pub use loader::{Loaded, Loader};
pub use read_through::ReadThrough;
pub use shared::{Cache, CellName};
pub use value::{CellValue, Fetched};
