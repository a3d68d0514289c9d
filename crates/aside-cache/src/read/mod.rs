//! The read path. Its parts own their fields and call downward only: each calls those below it in this table.
//!
//! ```text
//!   near entry, if it is current ────────────────────────────────────────────────▶ near hit
//!   lookup (MGET) ─┬ value ──────────────────────────────────────────────────────▶ hit (and a refresh, when it is due)
//!                  └ else: join a flight ─ lease ─┬ value ───────────────────────▶ found
//!                                                 ├ lease is ours ─ load ─ fill ─▶ miss
//!                                                 ├ another's lease, or a fence ─ wait ─ lease again
//!                                                 └ waited enough, or no answer ─ load ─▶ bypass, nothing stored
//! ```
//!
//! | file | what it owns |
//! |---|---|
//! | `read_through` | a read: near entry, lookup, and the one place where an answer is made |
//! | `misses` | a miss: from the flight that a reader joins to its outcome |
//! | `refresher` | refreshes: a fill under a refresh lease |
//! | `fills` | load, then fill |
//! | `single_flight` | one load for each missing entry in this process |
//! | `batcher` | loads, and refreshes, that go as one statement |
//! | `due` | the refreshes that are under way in this process |
//! | `fetched` | the answer |
//!
//! Flights run in tasks of their own: a reader that is cancelled leaves the load to the others.

mod batcher;
mod due;
mod fetched;
mod fills;
mod misses;
mod read_through;
mod refresher;
mod single_flight;

pub use fetched::Fetched;
pub use read_through::ReadThrough;
