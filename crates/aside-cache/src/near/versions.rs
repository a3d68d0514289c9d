//! Slot versions: counters of drops, to tell whether a composed page would be composed the same now.
//!
//! Slots share counters by their hash. Two slots that share one change each other's version, which costs a page that is composed
//! again: of 10,000 pages of sixty entries each, a drop invalidates two or three pages that do not have the entry. In return all
//! versions are compared in a table that fits a core's own cache.

use std::{
    hash::BuildHasher,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use quick_cache::DefaultHashBuilder;

use super::slot::SlotKey;

/// A power of two: 1 MiB.
const COUNTERS: u32 = 1 << 18;

/// How often the slots of one hash had been dropped when an entry was read from one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotVersion {
    index: u32,
    count: u32,
}

/// The counters.
#[derive(Debug)]
pub(super) struct SlotVersions {
    counters: Box<[AtomicU32]>,
    /// How often any of them has changed.
    drops: AtomicU64,
    hasher: DefaultHashBuilder,
}

impl SlotVersions {
    pub(super) fn new() -> Self {
        let counters = (0..COUNTERS).map(|_| AtomicU32::new(0)).collect();
        Self { counters, drops: AtomicU64::new(0), hasher: DefaultHashBuilder::default() }
    }

    /// To be read before the entry is.
    pub(super) fn get(&self, key: &SlotKey) -> SlotVersion {
        let index = self.index(key);
        SlotVersion { index, count: self.counters[index as usize].load(Ordering::Acquire) }
    }

    /// A slot is dropped.
    pub(super) fn increment(&self, key: &SlotKey) {
        self.counters[self.index(key) as usize].fetch_add(1, Ordering::AcqRel);
        self.drops.fetch_add(1, Ordering::AcqRel);
    }

    /// All slots are dropped.
    pub(super) fn increment_all(&self) {
        for counter in &self.counters {
            counter.fetch_add(1, Ordering::AcqRel);
        }
        self.drops.fetch_add(1, Ordering::AcqRel);
    }

    /// A number that changes with each drop, after the version does. So versions that were current when it had been read are
    /// current as long as it is the same.
    pub(super) fn drops(&self) -> u64 {
        self.drops.load(Ordering::Acquire)
    }

    /// Whether none of these slots was dropped since.
    pub(super) fn are_current(&self, versions: &[SlotVersion]) -> bool {
        let count = |version: &SlotVersion| self.counters[version.index as usize].load(Ordering::Acquire);
        versions.iter().all(|version| count(version) == version.count)
    }

    fn index(&self, key: &SlotKey) -> u32 {
        let [a, b, c, d, ..] = self.hasher.hash_one(key).to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) % COUNTERS
    }
}
