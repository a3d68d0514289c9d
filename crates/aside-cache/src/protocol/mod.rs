//! The protocol of entries in Redis: the four states as bytes, and each step as one round trip.
//!
//! ```text
//!   absent ──SET NX──▶ lease ──fill──▶ value          readers: lookup, lease, load, fill
//!     ▲                  │               │
//!     │                  └──── fence ────┤            writers: fence before COMMIT, release after its reply
//!     └──────────── release ◀─ fence ◀───┘
//! ```
//!
//! | file | what it owns |
//! |---|---|
//! | `entry`, `value`, `token`, `name` | the four states as bytes, and the names of entries |
//! | `parts` | what all steps share: Redis, trust, options, permits |
//! | `lookup` | reading entries |
//! | `lease`, `refresh_lease` | the right of one reader to load a missing entry, or to reload a value |
//! | `fill` | storing what was loaded, under a lease or a refresh lease |
//! | `fence` | fence and release |
//! | `invalidate`, `discard`, `damage` | invalidation by the relay, by the self-check, and of damaged values |
//! | `publish`, `sequence` | the count of fences, and the messages that carry it |
//! | `trust`, `outage` | whether Redis is trusted; one log line for each outage |
//! | `speeds`, `memory_pressure` | whether a slow Redis, or a full one, is worth asking |
//! | `lifetime` | how long values live, and from when on they are refreshed |
//! | `background` | permits for loads that no request waits for |
//! | `recent` | entries that were invalidated in this process lately |

mod background;
mod damage;
mod discard;
mod entry;
mod fence;
mod fill;
mod invalidate;
mod lease;
pub(crate) mod lifetime;
mod lookup;
mod memory_pressure;
mod name;
mod outage;
mod parts;
mod publish;
mod recent;
mod refresh_lease;
pub(crate) mod sequence;
mod speeds;
mod token;
mod trust;
mod value;

pub use discard::Mismatch;
pub use fence::{Ended, Fence, Released, WriteToken};
pub use name::EntryName;
pub use parts::Protocol;
pub use trust::{LossCount, Trust};
pub use value::EntryValue;

pub(crate) use entry::State;
pub(crate) use fill::{Fill, Filled};
pub(crate) use lease::{Acquired, Lease};
pub(crate) use refresh_lease::DueValue;
