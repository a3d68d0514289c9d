//! What one state of the world is. Plain data; which steps there are is in [`super::steps`].

use super::rules::Marker;

/// A version of the row. It starts at 0 and each COMMIT makes it one more.
pub type Version = u8;
/// A number of the sequence.
pub type Number = u8;

/// How many replicas there are.
pub const REPLICAS: usize = 2;
/// The most readers at work at once in one replica.
pub const READERS: usize = 2;
/// The most commands that nobody waits for any more.
pub const STRAYS: usize = 3;
/// The newest version that fits: two bits.
pub const MAX_VERSION: Version = 3;
/// The highest number that fits, beside "none".
pub const MAX_NUMBER: Number = 11;

/// The world between two steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// The committed version of the row.
    pub row: Version,
    /// How many faults may still happen.
    pub faults_left: u8,
    /// The one cell.
    pub cell: Cell,
    /// The count of fences; `None` when the key is missing.
    pub sequence: Option<Number>,
    /// Which numbers were counted for this cell. The others are another cell's.
    pub ours: u16,
    /// The outbox.
    pub outbox: Outbox,
    /// How often another cell may still be fenced.
    pub others_left: u8,
    /// How many writes may still be another program's.
    pub programs_left: u8,
    /// The replicas; which is which does not matter.
    pub replicas: [Replica; REPLICAS],
    /// Commands that nobody waits for.
    pub strays: [Stray; STRAYS],
}

/// What the one key in Redis holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// Nothing.
    Absent,
    /// A copy of this version.
    Value(Version),
    /// The mark of the one fill under way; [`Reader::has_lease`] says whose.
    Lease,
    /// The mark of a write under way; [`Writer::has_fence`] says whose.
    Fence {
        /// Which version its writer made or would have made. Only kept where the relay asks.
        of: Version,
    },
}

/// The rows of the outbox, one for each committed version at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outbox {
    /// Those that are there.
    pub rows: Versions,
    /// Those whose writers will delete them.
    pub done: Versions,
}

/// A set of versions from 1 up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Versions(pub u8);

impl Versions {
    /// None.
    pub const NONE: Self = Self(0);

    /// This one only.
    #[must_use]
    pub fn only(version: Version) -> Self {
        Self(1 << (version - 1))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of either.
    #[must_use]
    pub fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those that are not among the others.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Every set of some of these, the empty one not among them.
    pub fn subsets(self) -> impl Iterator<Item = Self> {
        (1..=self.0).map(Self).filter(move |some| some.without(self).is_empty())
    }

    /// The newest one, 0 when there is none.
    #[must_use]
    pub fn newest(self) -> Version {
        (1..=MAX_VERSION).rev().find(|version| !Self::only(*version).and(self).is_empty()).unwrap_or(0)
    }
}

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

/// How far a reader is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReaderPhase {
    /// Between two reads.
    Idle,
    /// Has begun, has issued nothing; others may join. Only where it makes a difference.
    Boarding,
    /// The look at the sequence is on its way.
    AskingSequence,
    /// Knows the number, waits until it is applied.
    Waiting,
    /// The look at the cell is on its way; where it finds nothing it takes a lease.
    Looking,
    /// It found a value, and the reply is on its way.
    Found,
    /// It took the lease, and the reply is on its way.
    Granted,
    /// The statement of a read without a lease is on its way. Only where its rows may be kept.
    Loading,
    /// The fill is on its way. The read is answered.
    Filling,
    /// What may be kept is on its way back.
    Storing,
}

/// One reader, and with it whoever joined its flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reader {
    /// How far it is.
    pub phase: ReaderPhase,
    /// What it has found or loaded.
    pub version: Version,
    /// What its answer must not be older than.
    pub floor: Version,
    /// The number of the sequence it waits for.
    pub number: Number,
    /// The lease in the cell is its.
    pub has_lease: bool,
    /// The marker in the slot is its.
    pub has_marker: bool,
}

impl Reader {
    /// A reader between two reads.
    pub const IDLE: Self =
        Self { phase: ReaderPhase::Idle, version: 0, floor: 0, number: 0, has_lease: false, has_marker: false };
}

/// How far a writer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriterPhase {
    /// Between two writes.
    Idle,
    /// Holds the row lock, has changed the row, the fence is on its way.
    Fencing,
    /// The fence was answered or given up; COMMIT is next.
    Fenced,
    /// Has committed; the lift is on its way.
    Lifting,
    /// Dead or given up, with its transaction still open in Postgres and perhaps its COMMIT on its way.
    Gone,
    /// Dead before it sent its COMMIT, with its transaction still open in Postgres.
    Doomed,
}

/// One writer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Writer {
    /// How far it is.
    pub phase: WriterPhase,
    /// What it has committed.
    pub version: Version,
    /// The fence in the cell is its.
    pub has_fence: bool,
    /// Its fence was answered.
    pub is_sure: bool,
    /// The fence in the cell outlives its transaction.
    pub guarded: bool,
}

impl Writer {
    /// A writer between two writes.
    pub const IDLE: Self =
        Self { phase: WriterPhase::Idle, version: 0, has_fence: false, is_sure: false, guarded: false };

    /// Whether its transaction is open, and has the row lock.
    #[must_use]
    pub fn holds_lock(&self) -> bool {
        !matches!(self.phase, WriterPhase::Idle | WriterPhase::Lifting)
    }
}

/// How far a relay is, with the rows it has locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relay {
    /// Between two rounds.
    Idle,
    /// Has taken these rows; its script is on its way.
    Applying(Versions),
    /// The script has run; the DELETE of the rows is not committed.
    Applied(Versions),
}

impl Relay {
    /// The rows it has in its hands.
    #[must_use]
    pub fn rows(self) -> Versions {
        match self {
            Self::Idle => Versions::NONE,
            Self::Applying(rows) | Self::Applied(rows) => rows,
        }
    }
}

/// A command whose sender waits no longer. It arrives at any later time, or never.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum StrayKind {
    /// An empty place.
    None,
    /// A fence.
    Fence,
    /// A lift.
    Lift,
    /// A relay's script.
    Relay,
}

/// One stray command.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stray {
    /// Which command.
    pub kind: StrayKind,
    /// A lift: the fence in the cell is the one it would lift.
    pub has_fence: bool,
    /// A fence: which version its writer would make.
    pub version: Version,
}

impl Stray {
    /// An empty place.
    pub const NONE: Self = Self { kind: StrayKind::None, has_fence: false, version: 0 };
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

impl State {
    /// Changes the cell. Whoever had its token in it has it no more.
    pub fn set_cell(&mut self, cell: Cell) {
        self.cell = cell;
        for replica in &mut self.replicas {
            replica.readers.iter_mut().for_each(|reader| reader.has_lease = false);
            (replica.writer.has_fence, replica.writer.guarded) = (false, false);
        }
        self.strays.iter_mut().for_each(|stray| stray.has_fence = false);
    }

    /// Whether a transaction has the row lock.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.replicas.iter().any(|replica| replica.writer.holds_lock())
    }

    /// Rows of the outbox that no relay has locked.
    #[must_use]
    pub fn free_rows(&self) -> Versions {
        self.replicas.iter().fold(self.outbox.rows, |free, replica| free.without(replica.relay.rows()))
    }

    /// Puts a command on its way that nobody waits for, if there is a place for it.
    pub fn send_stray(&mut self, stray: Stray) {
        if let Some(place) = self.strays.iter_mut().find(|place| place.kind == StrayKind::None) {
            *place = stray;
        }
    }
}
