//! Stamps: how often slots were emptied, to tell whether what was made of copies is still what they would make.
//!
//! Slots share counts by their hash. Two that share one spoil each other's stamps, which costs a page that is made anew: of
//! 10,000 pages of sixty copies each, an emptied slot spoils two or three that do not have it. In return all stamps are checked
//! in a table that fits a core's own cache.

use std::{
    hash::BuildHasher,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use quick_cache::DefaultHashBuilder;

use super::key::Key;

/// A power of two: 1 MiB.
const COUNTS: u32 = 1 << 18;

/// How often the slots of one hash had been emptied when a copy was taken from one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    place: u32,
    count: u32,
}

/// The counts.
#[derive(Debug)]
pub(super) struct Stamps {
    counts: Box<[AtomicU32]>,
    /// How often any of them has changed.
    changes: AtomicU64,
    hasher: DefaultHashBuilder,
}

impl Stamps {
    pub(super) fn new() -> Self {
        let counts = (0..COUNTS).map(|_| AtomicU32::new(0)).collect();
        Self { counts, changes: AtomicU64::new(0), hasher: DefaultHashBuilder::default() }
    }

    /// To be taken before the copy is.
    pub(super) fn stamp(&self, key: &Key) -> Stamp {
        let place = self.place(key);
        Stamp { place, count: self.count_at(place).load(Ordering::Acquire) }
    }

    /// A slot is emptied.
    pub(super) fn count(&self, key: &Key) {
        self.count_at(self.place(key)).fetch_add(1, Ordering::AcqRel);
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// All slots are emptied.
    pub(super) fn count_all(&self) {
        for count in &self.counts {
            count.fetch_add(1, Ordering::AcqRel);
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// A number that is another once a stamp has changed. It changes after the stamp does: stamps that were good when it had
    /// been read, and is still the same, are good.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Whether none of these slots was emptied since.
    pub(super) fn are_good(&self, stamps: &[Stamp]) -> bool {
        stamps.iter().all(|stamp| self.count_at(stamp.place).load(Ordering::Acquire) == stamp.count)
    }

    fn count_at(&self, place: u32) -> &AtomicU32 {
        &self.counts[place as usize]
    }

    fn place(&self, key: &Key) -> u32 {
        let [a, b, c, d, ..] = self.hasher.hash_one(key).to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) % COUNTS
    }
}
