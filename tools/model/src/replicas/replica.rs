//! One process of the service: its connections, its near cache, its gate, and who is at work in it.

use super::process::{Reader, Relay, Writer};
use super::rules::Marker;
use super::state::{Number, Version, Versions};

/// The most readers at work at once in one replica.
pub const READERS: usize = 2;

/// One process of the service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replica {
    /// What its reads that begin now must not be older than; the promise under test raises it.
    pub floor: Version,
    /// Its connections to Redis.
    pub link: Link,
    /// Whether the listener's connection is subscribed.
    pub listens: bool,
    /// The number up to which it has applied messages; `None` before the first look of a new connection.
    pub applied: Option<Number>,
    /// The number of a look that is still good for reads that arrive now.
    pub look: Option<Number>,
    /// Messages on their way to it, as a set of numbers. They arrive in this order.
    pub messages: u16,
    /// The near cache's slot of the cell.
    pub slot: Slot,
    /// Whether it believes in Redis.
    pub gate: Gate,
    /// Its readers.
    pub readers: [Reader; READERS],
    /// Its writer.
    pub writer: Writer,
    /// Its relay.
    pub relay: Relay,
}

/// The connections of one replica to Redis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// They carry commands.
    Up,
    /// Broken, and nobody has noticed.
    Broken,
    /// Noticed.
    Down,
    /// A new process waits for its first ones before it serves.
    Starting,
}

/// A place in the near cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// Nothing.
    Empty,
    /// The marker of a read; [`Reader::has_marker`] says whose.
    Marker,
    /// A copy of this version.
    Copy(Version),
}

/// The gate of one replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// What Redis and the near cache hold is believed.
    Open,
    /// It is not, and the outbox has not been looked at since.
    Closed,
    /// It is not until these rows are gone.
    Waiting(Versions),
}

impl Replica {
    /// A replica with nothing to do; its listener has applied all there is, or it has none.
    #[must_use]
    pub fn new(listens: bool) -> Self {
        Self {
            floor: 0,
            link: Link::Up,
            listens,
            applied: listens.then_some(0),
            look: None,
            messages: 0,
            slot: Slot::Empty,
            gate: Gate::Open,
            readers: [Reader::IDLE; READERS],
            writer: Writer::IDLE,
            relay: Relay::Idle,
        }
    }

    /// Changes the slot. Whoever had a marker in it has it no more; where markers have no identity, nobody knows that.
    pub fn set_slot(&mut self, marker: Marker, slot: Slot) {
        self.slot = slot;
        if marker == Marker::OfThisRead {
            self.readers.iter_mut().for_each(|reader| reader.has_marker = false);
        }
    }
}
