//! How far a search goes: how many at work at once, how many writes and by whom, which faults and how many of them.

use super::state::Version;
use crate::kind::{Kind, Kinds};

/// Something that goes wrong. Each costs one of [`Bounds::faults`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The cell vanishes before its time.
    CellEvicted,
    /// The key of the sequence vanishes.
    SequenceEvicted,
    /// Both vanish: `FLUSHALL`.
    Flush,
    /// Redis restarts: it is empty, every connection breaks, commands on their way are lost.
    Restart,
    /// All connections of one replica to Redis break. Redis goes on.
    CutOff,
    /// The listener's connection breaks, and no other.
    ListenerBreaks,
    /// A message does not reach one replica.
    MessageLost,
    /// No answer to the fence; the script runs later, or never.
    FenceUnanswered,
    /// No answer to the lift; the script runs later, or never.
    LiftUnanswered,
    /// A writer dies or gives up. With COMMIT sent or not, so an unknown COMMIT is one of these.
    WriterDies,
    /// A relay dies between two of its steps.
    RelayDies,
    /// A replica dies with all that is in it, and a new process takes its place.
    ReplicaDies,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CellEvicted,
        Self::SequenceEvicted,
        Self::Flush,
        Self::Restart,
        Self::CutOff,
        Self::ListenerBreaks,
        Self::MessageLost,
        Self::FenceUnanswered,
        Self::LiftUnanswered,
        Self::WriterDies,
        Self::RelayDies,
        Self::ReplicaDies,
    ];
    /// Those that can take a fence away while its transaction is open.
    pub const LOSES_A_FENCE: [Self; 3] = [Self::CellEvicted, Self::Flush, Self::Restart];
}

impl Kind for Fault {
    const ALL: &'static [Self] = &Self::ALL;

    fn place(self) -> usize {
        self as usize
    }
}

/// A set of kinds of faults.
pub type Faults = Kinds<Fault>;

/// How reads go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reads {
    /// To Redis: `CACHE_MODE=redis`.
    Redis,
    /// Through the near cache: `CACHE_MODE=near`.
    Near,
    /// Each one as it likes: replicas of both modes, and near reads that have lost their listener.
    Both,
}

impl Reads {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Redis, Self::Near, Self::Both];
}

/// The bounds of one search. Within them it is exhaustive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// How reads go.
    pub reads: Reads,
    /// How many readers are at work at once, in all replicas. Each reads any number of times.
    pub readers: usize,
    /// How many writers are at work at once, in all replicas.
    pub writers: usize,
    /// How many relays are at work at once.
    pub relays: usize,
    /// How many writes are committed, up to [`super::state::MAX_VERSION`].
    pub versions: Version,
    /// How many of them another program may make, straight into the table.
    pub programs: Version,
    /// How often another cell is fenced.
    pub others: u8,
    /// How many faults happen, up to 3.
    pub faults: u8,
    /// Which kinds.
    pub kinds: Faults,
    /// Whether values, leases, fences and copies reach the end of their TTL. Not a fault.
    pub expiry: bool,
    /// Where the search gives up, in states.
    pub max_states: usize,
}

impl Bounds {
    /// Two readers through the near cache, a writer, a relay, a write, no fault.
    pub const SMALL: Self = Self {
        reads: Reads::Near,
        readers: 2,
        writers: 1,
        relays: 1,
        versions: 1,
        programs: 0,
        others: 0,
        faults: 0,
        kinds: Faults::EVERY,
        expiry: true,
        max_states: 40_000_000,
    };
}
