//! Which reader may fill which slot: the markers that are placed now.
//!
//! Beside the slots and not in them: to the library that holds those, a copy in place of a marker has been asked for a second time,
//! so that each cell of a page that is made once would drive out what is read again and again.

use dashmap::{DashMap, Entry};

use super::key::Key;

/// At most one marker for each slot: its number is that marker's alone. With one that is not, a reader would keep what it saw
/// before a fence in the slot that another reader has marked after it.
#[derive(Debug, Default)]
pub(super) struct Marks(DashMap<Key, u64>);

impl Marks {
    /// Places a marker, instead of another's.
    pub(super) fn place(&self, key: Key, number: u64) {
        self.0.insert(key, number);
    }

    /// Takes a marker away, if it is the one of this number, and does `fill` before another can be placed, taken or swept there.
    pub(super) fn take(&self, key: &Key, number: u64, fill: impl FnOnce()) -> bool {
        match self.0.entry(*key) {
            Entry::Occupied(mark) if *mark.get() == number => {
                // Its shard is locked until the marker is removed.
                fill();
                mark.remove();
                true
            }
            _none_or_another => false,
        }
    }

    /// Takes away whatever marker is there.
    pub(super) fn sweep(&self, key: &Key) {
        self.0.remove(key);
    }

    /// Takes all away.
    pub(super) fn sweep_all(&self) {
        self.0.clear();
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
