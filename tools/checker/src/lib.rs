//! The checker: drives replicas of aside over HTTP while things break, and decides exactly whether what they answered was
//! true.
//!
//! The service promises that once a write has been answered, no later read on any replica shows what was before it, whatever
//! is killed, stopped, flushed, evicted or brought back from an old snapshot meanwhile. This is the tool that goes and looks:
//!
//! ```text
//! make soak                            # ten minutes, release builds, all faults
//! scripts/soak --seconds 36000         # a night
//! scripts/soak --calls 1000000 --seed 7 --mode redis,off
//! target/release/aside-checker --help  # all options
//! ```
//!
//! # How it works
//!
//! | module | holds |
//! |---|---|
//! | [`history`], [`time`], [`content`] | what happened: calls with their intervals, on one clock; every text names the write it comes from |
//! | [`verdict`] | from a history to its violations: a pure function, one sweep by versions |
//! | [`workload`] | the clients: reads and writes of a few hot users, at replicas drawn at random |
//! | [`faults`] | what goes wrong and when, drawn from a printed seed, never periodic |
//! | [`environment`] | replicas, Redis, database and proxies, all of them the run's own |
//! | [`round`], [`run`], [`report`] | clients and faults for a minute, quiet, a last look at everything, the verdict; and again |
//!
//! A round is judged when it is over and then forgotten, so a run of hours needs no more memory than one of a minute.
//!
//! # What it finds
//!
//! The kinds are in [`verdict::Kind`], the rules in [`verdict`]. Two things are counted and are no violations:
//!
//! * **Late, as is promised.** Writes of other programs, and writes that were answered while Redis was out of reach of their
//!   replica, bind after a second; how late they were is reported in buckets. A kill of a replica, an eviction, `FLUSHALL`
//!   and a Redis that is back excuse nothing.
//! * **Going back while a write is unanswered.** Reads are ordered against answers, not against each other: one reader may see
//!   the new state and a later one the old until the write is answered. So *monotonic reads* are judged where they are
//!   promised: behind writes that were answered.
//!
//! # How far it can be trusted
//!
//! The verdict is held against brute force over random small histories (`tests/brute_force.rs`), and every kind of
//! violation is planted and found (`tests/planted.rs`). What it cannot see: a stale read that no client happened to make, and
//! the order of two events closer to each other than the way between client and replica. It never accuses wrongly for that:
//! an interval as a client sees it contains the one that the replica saw.

pub mod arguments;
pub mod content;
pub mod environment;
pub mod faults;
mod final_look;
pub mod history;
pub mod report;
pub mod round;
pub mod run;
pub mod time;
pub mod verdict;
pub mod workload;
