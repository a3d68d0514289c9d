//! The near cache: entries in this process, as exact as those in Redis.
//!
//! Near entries that are kept right by messages alone are late by a message. So a reader asks Redis one thing, the *sequence*:
//! the count of fences so far. Every fence counts it up and publishes its new number with the names of its entries.
//!
//! ```text
//!   writer     FENCE: sequence 8, publish "8 user:7" ─ 4 ms ─ COMMIT ─ RELEASE ─ answer
//!   replica    … applied 7 ──────────────────▶ drops the near entry user:7, applied 8
//!   reader                                                              arrives ─ GET sequence: 8 ─ applied? ─ near entry
//! ```
//!
//! A read that begins after the answer gets a number that is at least the fence's, and waits until that number is *applied*. A
//! number that was asked for up to 3 ms before the read began is at least that, too, since writers wait longer between their fence
//! and COMMIT. A near entry is then as good as Redis. An entry that is not here is read from Redis, and kept only if the *fill
//! permit* that this reader has placed before its lookup is still there: a fence in between has removed it.
//!
//! | file | what it owns |
//! |---|---|
//! | `freshness` | the freshness check: the reads' question for the sequence, at most one under way |
//! | `request` | one freshness check for all reads of a request |
//! | `applied` | the part of the sequence that was applied: messages, gaps, jumps |
//! | `registry` | from the names of entries, as messages have them, to near slots |
//! | `entries` | the near slots, bounded in bytes |
//! | `entry` | an entry and a composed page, each in one allocation |
//! | `permit_table`, `permits` | fill permits: all of the process, and those of one read |
//! | `versions`, `dependencies` | slot versions, and the versions that a composed page was made of |
//! | `composed` | composed pages |
//!
//! Messages may be late, and with a connection lost; nothing here depends on when they arrive. The reasons for each rule, and
//! what happens without it, are in `tools/model/`.

mod applied;
mod composed;
mod dependencies;
mod entries;
mod entry;
mod freshness;
mod permit_table;
mod permits;
mod registry;
mod request;
mod slot;
mod versions;

pub use composed::{ComposedPage, ComposedPages, Rebuild};
pub use dependencies::Dependencies;
pub use request::{forget_freshness_check, share_freshness_check};
pub use versions::SlotVersion;

pub(crate) use freshness::{Near, NearKind};
pub(crate) use permits::FillPermits;
