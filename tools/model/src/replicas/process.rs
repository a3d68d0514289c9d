//! The readers, writers and relays, and the commands that have outlived whoever sent them.

use super::state::{Number, Version, Versions};

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
    /// Its look at the sequence is good for others once its number is applied.
    pub lends: bool,
}

impl Reader {
    /// A reader between two reads.
    pub const IDLE: Self = Self {
        phase: ReaderPhase::Idle,
        version: 0,
        floor: 0,
        number: 0,
        has_lease: false,
        has_marker: false,
        lends: false,
    };
}

/// How far a writer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriterPhase {
    /// Between two writes.
    Idle,
    /// Holds the row lock, has changed the row, the fence is on its way.
    Fencing,
    /// The fence was answered or given up; COMMIT is next, once older looks are over.
    Fenced,
    /// Has committed; the lift is on its way.
    Lifting,
    /// Its lift has announced; the answer is next, once older looks are over.
    Lifted,
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
    /// The number under which its fence, or its lift, was announced and answered.
    pub announced: Option<Number>,
    /// The fence in the cell outlives its transaction.
    pub guarded: bool,
}

impl Writer {
    /// A writer between two writes.
    pub const IDLE: Self =
        Self { phase: WriterPhase::Idle, version: 0, has_fence: false, announced: None, guarded: false };

    /// Whether its transaction is open, and has the row lock.
    #[must_use]
    pub fn holds_lock(&self) -> bool {
        !matches!(self.phase, WriterPhase::Idle | WriterPhase::Lifting | WriterPhase::Lifted)
    }
}

/// How far a relay is, with the rows it has locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relay {
    /// Between two rounds.
    Idle,
    /// Has taken these rows; its script is on its way.
    Applying(Versions),
    /// The script has run, and announced this number; the DELETE of the rows is not committed.
    Applied(Versions, Option<Number>),
}

impl Relay {
    /// The rows it has in its hands.
    #[must_use]
    pub fn rows(self) -> Versions {
        match self {
            Self::Idle => Versions::NONE,
            Self::Applying(rows) | Self::Applied(rows, _) => rows,
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
