//! An exhaustive search over the interleavings of aside's cell protocol.
//!
//! A cell is one key in Redis that caches one row of Postgres; it is *absent*, a *value*, the *lease* of the one fill
//! under way, or the *fence* of a write under way. Readers look, take a lease, load and fill; writers lock the row,
//! fence, COMMIT and lift. Nobody can try by hand all the orders in which their steps can come, together with what
//! goes wrong between them, so this crate does: it visits every state that can be reached within its bounds, and
//! either the promise holds in each of them, or it shows a shortest way to one in which it does not.
//!
//! # How to read it
//!
//! | module | holds |
//! |---|---|
//! | [`cell`], [`process`], [`state`] | what the world looks like between two steps |
//! | [`rules`], [`variants`] | the protocol as a set of rules; other protocols and wrong readings, as changes to it |
//! | [`steps`] | which steps lead from one state to the next: `redis` (the scripts), `reader`, `writer`, `faults` … |
//! | [`property`] | the promises, and how one is broken |
//! | [`bounds`] | how far a search goes, and the kinds of faults |
//! | [`explore`], `pack`, `visited` | the search, a state as one number, the states seen |
//! | [`event`] | the names of the steps, for timelines and for coverage |
//!
//! `cargo test` searches within bounds that take it half a minute. `cargo run --release -p aside-search -- --help`
//! says how to search further, and shows the timeline of a fault:
//!
//! ```text
//! cargo run --release -p aside-search -- --variant JoinsAnyFlight
//! ```
//!
//! # What it says
//!
//! How many faults it takes until a read that begins *after* something gets what was before it. What that something
//! is, is the [promise](property::Promise): a write answered after its lift was *confirmed*; a write *answered*, after
//! a failed lift too; one that *ended*, answered or by the death of its writer; one *committed*; or a value that
//! another read has *observed*. A dash: not by any two faults. `tests/table.rs` holds the `0` and `1` of this table.
//!
//! | | confirmed | answered | ended | committed | observed |
//! |---|---|---|---|---|---|
//! | **the cell protocol** | - | 2 | 2 | 1 | 1 |
//! | plain cache-aside | 0 | 0 | 0 | 0 | 0 |
//! | delete before COMMIT (with leases) | 0 | 0 | 0 | 0 | 0 |
//! | version compare-and-set | 0 | 0 | 0 | 0 | 0 |
//! | leases alone, delete after COMMIT | - | 1 | 1 | 0 | 0 |
//! | a lift deletes only its own fence | 1 | 1 | 1 | 1 | 1 |
//! | a lift deletes any fence | - | 1 | 1 | 0 | 0 |
//! | the load starts before the grant | 0 | 0 | 0 | 0 | 0 |
//! | an unanswered `SET NX` grants | 1 | 1 | 1 | 1 | 1 |
//! | the load reads a standby | 0 | 0 | 0 | 0 | 0 |
//! | a lease names the replica | 0 | 0 | 0 | 0 | 0 |
//! | a fence names the replica | - | 1 | 1 | 0 | 0 |
//! | a waiter joins any flight | 0 | 0 | 0 | 0 | 0 |
//! | the fence before the row lock | - | 1 | 1 | 0 | 0 |
//! | the fence after COMMIT | - | 2 | 1 | 0 | 0 |
//! | the fence spares what is there | - | 1 | 1 | 0 | 0 |
//! | the fence's TTL is shorter than a transaction | - | 1 | 1 | 0 | 0 |
//! | the answer before the lift | 1 | 1 | 1 | 1 | 1 |
//! | a lift after an unknown COMMIT | - | 2 | 1 | 1 | 1 |
//! | a fence that may have run too late is lifted | - | 2 | 2 | 1 | 1 |
//! | a lift on a broken connection is not sent again | - | 1 | 1 | 1 | 1 |
//! | keys without the `run_id` | 1 | 1 | 1 | 1 | 1 |
//!
//! Two more break otherwise: storing before COMMIT *invents* values without a fault, and a lease without a TTL leaves
//! the cell *stuck* when its holder dies.
//!
//! Fence and lift are each enough: while lifts arrive it does not matter whether fences last, and while fences last it
//! does not matter whether lifts arrive. The protocol gives way only where one write loses both. Such a writer knows
//! that its lift failed, or is dead, and that is where the outbox and the gate begin; they are not in this model.
//!
//! Three things the search taught that one would not guess:
//!
//! * **A fence can run too late.** Its writer's transaction has timed out meanwhile, the next writer has the lock and
//!   its own fence, and the late one runs over it; the first writer's lift then takes it away, and the second write is
//!   without a fence although every command of its own was answered. So a writer lifts its own fence only if it knows
//!   that the fence ran while it held its locks: the fence was answered, and COMMIT or ROLLBACK after it.
//! * **One restart of Redis can cost a write both, fence and lift**: the first with the data, the second with the
//!   connection. So a lift whose connection turns out to be broken is sent again on a new one before the write is
//!   answered (with the new connection's `run_id` in its keys).
//! * **A fence after COMMIT is not stale by a lost lift alone**; it fails when its writer dies before it, and lets
//!   reads go back in time.
//!
//! # What a fault is, and what is none
//!
//! Every command takes effect at any time after it is sent, and every reply is handled at any time after that; a value
//! or a lease may reach the end of its TTL at any time, a fence once all transactions that were open when it was made
//! are over. None of that is a fault. The faults are in [`bounds::Fault`]. With one cell, eviction and `FLUSHALL` are
//! the same; a command whose reply is lost is one that is given up just after it took effect, a lost command one that
//! is given up and never comes.
//!
//! # Limits
//!
//! One row, one cell, one Redis, one Postgres. A fail-over of Redis after which the old primary still answers somebody
//! is not in it, nor is one of Postgres that forgets commits. There is one replica: whoever does not join a flight
//! might as well be in another one. There is no clock, so "at most so late" cannot be asked. The near cache, the
//! sequence, the relay and the gate are not in it.

pub mod explore;
pub mod fencing;
pub mod model;
pub mod replicas;
mod visited;
