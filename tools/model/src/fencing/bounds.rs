//! How far a search goes: how many at work at once, how many writes, which faults and how many of them.

use crate::fencing::cell::Version;
use crate::kind::{Kind, Kinds};

/// Something that goes wrong. Each costs one of [`Bounds::faults`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The key vanishes before its time: eviction, `FLUSHALL`, `DEL` by hand. With one cell they are the same.
    Eviction,
    /// Redis restarts: it is empty, every connection breaks, commands on their way are lost.
    Restart,
    /// Redis fails over to another server, and later back to this one, which has not restarted. Every connection breaks each
    /// time, commands on their way are lost. The way back is a part of this fault and costs none.
    FailsBack,
    /// No answer to `SET NX`; the command arrives later, or never.
    AcquireUnanswered,
    /// No answer to the fence; the script runs later, or never.
    FenceUnanswered,
    /// No answer to COMMIT; it is applied later, or never.
    CommitUnanswered,
    /// No answer to the lift; the script runs later, or never. "A lost lift."
    LiftUnanswered,
    /// Postgres ends an open transaction by one of its time-outs.
    TransactionTimesOut,
    /// A reader dies with a lease in its hands.
    ReaderDies,
    /// A writer dies.
    WriterDies,
    /// A replica dies, and with it every reader and writer.
    ReplicaDies,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Eviction,
        Self::Restart,
        Self::FailsBack,
        Self::AcquireUnanswered,
        Self::FenceUnanswered,
        Self::CommitUnanswered,
        Self::LiftUnanswered,
        Self::TransactionTimesOut,
        Self::ReaderDies,
        Self::WriterDies,
        Self::ReplicaDies,
    ];
    /// Those that can take a fence away, or keep it from being made, while its transaction is open.
    pub const LOSES_A_FENCE: [Self; 4] = [Self::Eviction, Self::Restart, Self::FailsBack, Self::FenceUnanswered];
    /// Those after which a committed write may have no lift.
    pub const LOSES_A_LIFT: [Self; 4] =
        [Self::LiftUnanswered, Self::CommitUnanswered, Self::WriterDies, Self::ReplicaDies];
}

impl Kind for Fault {
    const ALL: &'static [Self] = &Self::ALL;

    fn place(self) -> usize {
        self as usize
    }
}

/// A set of kinds of faults.
pub type Faults = Kinds<Fault>;

/// The bounds of one search. Within them it is exhaustive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// How many readers are at work at once, up to [`crate::fencing::state::MAX_READERS`]. Each reads any number of times.
    pub readers: usize,
    /// How many writers are at work at once, up to [`crate::fencing::state::MAX_WRITERS`].
    pub writers: usize,
    /// How many writes are committed, up to [`crate::fencing::state::MAX_VERSION`]. Writes rolled back are not counted.
    pub versions: Version,
    /// How many faults happen, up to 3.
    pub faults: u8,
    /// Which kinds.
    pub kinds: Faults,
    /// Whether values, leases and fences reach the end of their TTL. Not a fault.
    pub expiry: bool,
    /// Whether hits are refreshed early.
    pub refresh: bool,
    /// Where the search gives up, in states; what it then says holds for nothing.
    pub max_states: usize,
}

impl Bounds {
    /// Two readers, two writers, two writes, no fault: enough for most of what can go wrong.
    pub const SMALL: Self = Self {
        readers: 2,
        writers: 2,
        versions: 2,
        faults: 0,
        kinds: Faults::EVERY,
        expiry: true,
        refresh: false,
        max_states: 60_000_000,
    };
}
