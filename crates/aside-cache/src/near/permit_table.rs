//! Which reader may fill which near slot: the fill permits that are placed now.
//!
//! They are not in the slots. For the library that holds those, an entry in place of a permit counts as a second use, so that each
//! entry of a page that is made once would evict entries that are read often.

use dashmap::{DashMap, Entry};

use super::slot::SlotKey;

/// At most one permit for each slot, with a number of its own. Without the number, a reader would keep a value from before a
/// fence under the permit that another reader has placed after it.
#[derive(Debug, Default)]
pub(super) struct PermitTable(DashMap<SlotKey, u64>);

impl PermitTable {
    /// Places a permit, in place of another's.
    pub(super) fn place(&self, key: SlotKey, number: u64) {
        self.0.insert(key, number);
    }

    /// Removes the permit of this number, and does `fill` before another can be placed or removed there. False when the permit is
    /// not there.
    pub(super) fn take(&self, key: &SlotKey, number: u64, fill: impl FnOnce()) -> bool {
        match self.0.entry(*key) {
            Entry::Occupied(permit) if *permit.get() == number => {
                // Its shard is locked until the permit is removed.
                fill();
                permit.remove();
                true
            }
            _none_or_another => false,
        }
    }

    /// Removes whatever permit is there.
    pub(super) fn remove(&self, key: &SlotKey) {
        self.0.remove(key);
    }

    /// Removes all permits.
    pub(super) fn clear(&self) {
        self.0.clear();
    }

    /// The number of permits.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
