//! An exhaustive search over the interleavings of aside's cell protocol and of what lies around it.
//!
//! A cell is one key in Redis that caches one row of Postgres; it is *absent*, a *value*, the *lease* of the one fill
//! under way, or the *fence* of a write under way. Readers look, take a lease, load and fill; writers lock the row,
//! fence, COMMIT and lift. Around that, replicas keep near copies and ask a sequence whether they are still right, relays
//! carry an outbox to Redis, and a gate tells a replica when not to believe. Nobody can try by hand all the orders in which
//! their steps can come, together with what goes wrong between them, so this crate does: it visits every state that can be
//! reached within its bounds, and either the promise holds in each of them, or it shows a shortest way to one in which it
//! does not.
//!
//! # How to read it
//!
//! There are two models. [`fencing`] is the cell protocol alone, in its finest steps. [`replicas`] is two replicas with
//! near caches, outbox, relays and gates, around a cell whose steps are coarser, since [`fencing`] has proved them.
//!
//! | module | holds |
//! |---|---|
//! | [`model`], [`kind`] | what a search needs to know of a model |
//! | [`explore`], `visited` | the search, the states seen |
//! | [`fencing::state`], [`fencing::cell`], [`fencing::process`]; [`replicas::state`] | what the world looks like between two steps |
//! | `rules`, `variants` in each | the protocol as a set of rules; other protocols and wrong readings, as changes to it |
//! | `steps` in each | which steps lead from one state to the next: `redis` (the scripts), `reader`, `writer`, `faults` … |
//! | `property` in each | the promises, and how one is broken |
//! | `bounds` in each | how far a search goes, and the kinds of faults |
//! | `pack` in each | a state as one number |
//! | `event` in each | the names of the steps, for timelines and for coverage |
//!
//! `cargo test` searches within bounds that take it a minute. `cargo run --release -p aside-model -- --help`
//! says how to search further, and shows the timeline of a fault:
//!
//! ```text
//! cargo run --release -p aside-model -- --variant JoinsAnyFlight
//! cargo run --release -p aside-model -- replicas --variant GateAskedAtReplyOnly
//! ```
//!
//! # What it says of the cell protocol
//!
//! How many faults it takes until a read that begins *after* something gets what was before it. What that something
//! is, is the [promise](fencing::property::Promise): a write answered after its lift was *confirmed*; a write *answered*, after
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
//! | values and leases carry the process of their Redis alone | 1 | 1 | 1 | 1 | 1 |
//!
//! Two more break otherwise: storing before COMMIT *invents* values without a fault, and a lease without a TTL leaves
//! the cell *stuck* when its holder dies.
//!
//! Fence and lift are each enough: while lifts arrive it does not matter whether fences last, and while fences last it
//! does not matter whether lifts arrive. The protocol gives way only where one write loses both. Such a writer knows
//! that its lift failed, or is dead, and that is where the outbox and the gate begin.
//!
//! Four things the search taught that one would not guess:
//!
//! * **A fence can run too late.** Its writer's transaction has timed out meanwhile, the next writer has the lock and
//!   its own fence, and the late one runs over it; the first writer's lift then takes it away, and the second write is
//!   without a fence although every command of its own was answered. So a writer lifts its own fence only if it knows
//!   that the fence ran while it held its locks: the fence was answered, and COMMIT or ROLLBACK after it.
//! * **One restart of Redis can cost a write both, fence and lift**: the first with the data, the second with the
//!   connection. So a lift whose connection turns out to be broken is sent again on a new one before the write is
//!   answered (with the new connection's `run_id` in its keys).
//! * **A `run_id` names a process, not a time as the primary.** After a fail-over and a fail-back the first server has the same
//!   `run_id` and its old values. They must read as absent; its old fences may count.
//! * **A fence after COMMIT is not stale by a lost lift alone**; it fails when its writer dies before it, and lets
//!   reads go back in time.
//!
//! # What it says of what lies around it
//!
//! Where a write loses both fence and lift, exactness ends and a bound in time begins. There is no clock here, so each
//! [promise](replicas::property::Promise) says *after what* nothing older is shown:
//!
//! * *confirmed*: after the answer to a write whose lift was confirmed, everywhere;
//! * *answered*: after the answer to any write, at its own replica. Its gate is closed before the answer;
//! * *settled*: after the write's row of the outbox is gone, everywhere. Writes by other programs too;
//! * *returned*: what was committed when a replica's connections to Redis came back or its process began, at that replica.
//!
//! Together they are the *contract*, and it holds, for reads from Redis and for near reads, with the relay of either
//! replica and with any faults that were tried. *Settled* is what a relay bounds by a second. While a fence lasts, every
//! read sees its write from its COMMIT on, whoever dies. With any one fault but an outage every read sees every write that
//! has *ended*. The natural readings that differ in one rule, with what breaks first and by how many faults:
//!
//! | reading | breaks | by |
//! |---|---|---|
//! | no look at the sequence | confirmed | 0 |
//! | a look that is in the air already will do | confirmed | 0 |
//! | a look is good for a time from its reply on | confirmed | 0 |
//! | a writer does not wait before COMMIT until older looks are over | confirmed | 0 |
//! | a writer whose fence was lost does not wait before its answer | confirmed | 1: the fence's eviction |
//! | the relay does not wait before it deletes its rows | settled | 0 |
//! | no marker | confirmed | 0 |
//! | a marker without identity | confirmed | 0 |
//! | what was loaded is kept though it was not stored | confirmed | 0 |
//! | a number that is not applied in time is jumped to, nothing is emptied | confirmed | 0 |
//! | a gap in the messages is ignored | confirmed | 1: a lost message |
//! | the sequence starts again at 1 | confirmed | 1: its eviction |
//! | a missing sequence is 0 to a look | confirmed | 1: its eviction |
//! | not the fence is published, but the lift | ended | 1: a writer's death |
//! | a lift does not publish for a lost fence | confirmed | 1: the fence's eviction |
//! | the relay skips leases | settled | 0 |
//! | the relay does not publish | settled | 0 |
//! | the relay deletes its rows before it applies them | settled | 0 |
//! | the relay deletes any fence | a fence that lasts | 0 |
//! | the relay deletes the fence of a row's own writer | a fence that lasts | 1: an unanswered fence |
//! | a writer deletes its own row after a failed lift too | answered, settled | 1: an outage |
//! | the gate is asked only when the reply is there | answered, returned | 1: an outage |
//! | the gate is asked when a flight begins, which others join | answered | 2 |
//! | the gate opens without waiting for the outbox | answered | 1: an outage |
//! | the rows it waits for were looked up before Redis was back | returned | 1: an outage |
//! | a failed lift leaves it open | answered | 2 |
//! | broken connections leave it open | returned | 1: an outage |
//! | a new process begins with it open | returned | 1: its death |
//! | the gate is asked when a look is issued, and not again | - | |
//! | a failed fence leaves the gate open | - | |
//! | a broken listener goes on where it was | - | |
//! | a broken listener leaves the gate open | - | |
//!
//! What one would not guess:
//!
//! * **The gate must be open when a look is issued**, at the cell or at the sequence, and to ask when the reply is handled
//!   does not replace that. A look that was issued while the gate was closed can find a stale value; if its reply is
//!   handled after the relay has done its work and the gate has opened, it is believed. Asked at the issue, for every
//!   reader who joins up to then, a second question adds nothing: whoever began before the gate closed is owed nothing of
//!   the write that closed it.
//! * **A relay has to wait, too.** A look is good for a while, and there is no time in this model: who has announced
//!   something takes its next step when all older looks are over, which is when it has waited as long as one lives. For
//!   writers one would think of it; for a relay it is the deletion of its rows, after which a gate opens.
//! * **No order between messages and replies is needed.** A message may be later than any look that was executed after
//!   it, or never come. The number alone decides.
//! * **A broken listener need not forget**, as long as a sequence never says a number twice. It does forget, since the clock
//!   of another Redis may be behind.
//! * **The relay's rows must be looked up after Redis is back.** Until then others may write without it.
//!
//! # What a fault is, and what is none
//!
//! Every command takes effect at any time after it is sent, and every reply is handled at any time after that; a value
//! or a lease may reach the end of its TTL at any time, a fence once all transactions that were open when it was made
//! are over. None of that is a fault. The faults are in [`fencing::bounds::Fault`] and
//! [`replicas::bounds::Fault`]. With one cell, eviction and `FLUSHALL` are
//! the same; a command whose reply is lost is one that is given up just after it took effect, a lost command one that
//! is given up and never comes.
//!
//! # Limits
//!
//! One row, one cell, one Redis, one Postgres. A fail-over of Redis after which the old primary still answers somebody
//! is not in it, nor is one of Postgres that forgets commits, nor a clock of Redis that goes back (the sequence starts by
//! it). There is no clock, so "at most so late" cannot be asked: neither `CACHE_MAX_STALENESS` nor the second of a relay.
//!
//! [`fencing`] has one replica: whoever does not join a flight might as well be in another one. [`replicas`] has two, with
//! a cell of its own and numbers of another one's; its writers do not roll back unless they die, its transactions do not
//! time out, a look and `SET NX` are one step, and nobody refreshes early: of all that, [`fencing`] knows more.

pub mod explore;
pub mod fencing;
pub mod kind;
pub mod model;
pub mod replicas;
mod visited;
