//! What one state of the world is. Plain data; which steps there are is in [`super::steps`].

use super::process::{Stray, StrayKind};
use super::replica::Replica;

/// A version of the row. It starts at 0 and each COMMIT makes it one more.
pub type Version = u8;
/// A number of the sequence.
pub type Number = u8;

/// How many replicas there are.
pub const REPLICAS: usize = 2;
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
    /// The mark of the one fill under way; [`Reader::has_lease`](super::process::Reader::has_lease) says whose.
    Lease,
    /// The mark of a write under way; [`Writer::has_fence`](super::process::Writer::has_fence) says whose.
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
