//! The near cache: copies of cells in this process, as exact as the cells.
//!
//! Copies kept right by messages alone are late by a message. So a reader asks Redis one thing, the *sequence*: how often
//! cells were fenced so far. Every fence counts it up and publishes its new number with the names of its cells.
//!
//! ```text
//!   writer     FENCE: sequence 8, publish "8 user:7" ─ 4 ms ─ COMMIT ─ LIFT ─ answer
//!   replica    … applied 7 ──────────────────▶ empties the slot of user:7, applied 8
//!   reader                                                                  arrives ─ GET sequence: 8 ─ applied? ─ slot
//! ```
//!
//! A read that begins after the answer gets a number that is at least the fence's, and waits until that is *applied*. A number that
//! was asked for up to 3 ms before the read began is at least that, too, since writers wait longer between their fence and COMMIT. What
//! is in a slot then is as good as Redis. What is not is read from Redis and kept only if the slot still holds the very
//! *marker* that this reader has put there before it looked: a fence in between has emptied it.
//!
//! | file | what it owns |
//! |---|---|
//! | `copies` | the slots: copies and what was made of them, bounded in bytes |
//! | `marks` | which reader may fill which slot |
//! | `piece` | what is in a slot, in one piece of memory |
//! | `markers` | the markers of one read |
//! | `stamps`, `recipe` | whether what was made of copies would be made the same |
//! | `names` | from the names of cells, as messages have them, to slots |
//! | `sequence` | what was applied: messages, gaps, jumps |
//! | `look` | the reads' question for the sequence, at most one in the air |
//! | `once` | one look for all reads of a request |
//!
//! Messages may be late, and with a connection lost; nothing here depends on when they arrive. The reasons for each rule, and
//! what happens without it, are in `tools/model/`.

mod copies;
mod key;
mod look;
mod markers;
mod marks;
mod names;
mod once;
mod piece;
mod recipe;
mod sequence;
mod stamps;

use std::sync::Arc;

pub use key::IdBytes;
pub(super) use key::{Key, Kind};
pub(super) use markers::Markers;
pub use once::{look_again, look_once};
pub use recipe::Recipe;
pub use stamps::Stamp;

use aside_redis::{Event, RedisClient, Subscriber};
use aside_runtime::shutdown::Shutdown;

use self::{copies::Copies, look::Looks, names::Names, piece::DerivedValue, recipe::Finished, sequence::Sequence};
use super::{sequence::CHANNEL, speeds::SpeedWatch, value::CellValue};
use crate::options::Options;

/// The copies of this process. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Near {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sequence: Arc<Sequence>,
    subscriber: Subscriber,
    looks: Looks,
    speeds: Arc<SpeedWatch>,
    shutdown: Shutdown,
}

impl Near {
    /// No copies yet; listens to fences until `shutdown`.
    pub(super) fn start(redis: &RedisClient, config: &Options, speeds: Arc<SpeedWatch>, shutdown: Shutdown) -> Self {
        let sequence = Arc::new(Sequence::new(Copies::new(config.near_bytes), Names::default()));
        let hearing = Arc::clone(&sequence);
        let hear = move |connection, event: Event<'_>| match event {
            Event::Subscribed => hearing.begin(connection),
            Event::Message(message) => hearing.apply(connection, message),
            Event::Lost => hearing.end(connection),
        };
        let subscriber = redis.subscribe(CHANNEL, hear, &shutdown);
        let looks = Looks::new(config.max_staleness);
        Self { shared: Arc::new(Shared { sequence, subscriber, looks, speeds, shutdown }) }
    }

    /// Makes a kind of cells known; `read` turns the part of a name behind the kind into the bytes of its id.
    pub(super) fn kind(&self, entity: &'static str, read: fn(&str) -> Option<IdBytes>) -> Kind {
        self.shared.sequence.names().register(entity, read)
    }

    /// Whether copies are good for the read that asks, which has just arrived: waits for a look at the sequence, or uses
    /// that of its request, or one that is recent enough. `redis` is where the read would look at cells.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting; the look goes on for others.
    pub(super) async fn is_current(&self, redis: &RedisClient) -> bool {
        let Some(number) = self.shared.subscriber.number() else { return false };
        if once::has_looked(number) {
            return true;
        }
        if !self.shared.subscriber.follows(redis) {
            return false;
        }
        let seen = if self.has_looked_lately(number) { Some(number) } else { self.look().await };
        if let Some(connection) = seen {
            once::note(connection);
        }
        seen.is_some()
    }

    /// The copy of a cell, unless it has run out, and the stamp for what is made of it. To be asked for after [`is_current`](Self::is_current).
    pub(super) fn copy(&self, kind: Kind, id: &IdBytes, now_ms: i64) -> Option<(CellValue, Stamp)> {
        self.copies().get(kind, id, now_ms)
    }

    /// What was derived under this name, if it would be the same now.
    pub(super) fn derived(&self, key: &Key, now_ms: i64) -> Option<DerivedValue> {
        self.copies().get_derived(key, now_ms)
    }

    /// Keeps what was derived from copies.
    pub(super) fn keep_derived(&self, key: Key, value: &[u8], recipe: Finished) {
        self.copies().keep_derived(key, DerivedValue::new(value, recipe));
    }

    fn copies(&self) -> &Copies {
        self.shared.sequence.copies()
    }
}
