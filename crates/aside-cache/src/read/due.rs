//! The refreshes that are under way in this process: one for each entry, however many of its readers find it due.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use parking_lot::Mutex;

/// The most refreshes that are under way or wait. An entry beyond that is left to its next reader, so that memory is bounded while
/// Postgres hangs. The bound is about one second's work.
const MOST: usize = 4_096;

/// The entries of one kind that this process is refreshing. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Refreshing<Id> {
    ids: Arc<Mutex<HashSet<Id>>>,
}

/// The right to refresh one entry in this process, given back on drop.
#[derive(Debug)]
pub(super) struct RefreshPermit<Id: Eq + Hash> {
    pub(super) id: Id,
    refreshing: Refreshing<Id>,
}

impl<Id: Clone + Eq + Hash> Refreshing<Id> {
    pub(super) fn new() -> Self {
        Self { ids: Arc::default() }
    }

    /// `None` while another reader in this process refreshes the entry, or the bound is reached.
    pub(super) fn try_enter(&self, id: &Id) -> Option<RefreshPermit<Id>> {
        let mut ids = self.ids.lock();
        let is_entered = ids.len() < MOST && ids.insert(id.clone());
        is_entered.then(|| RefreshPermit { id: id.clone(), refreshing: self.clone() })
    }
}

impl<Id: Eq + Hash> Drop for RefreshPermit<Id> {
    fn drop(&mut self) {
        self.refreshing.ids.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reader_at_a_time_refreshes_an_entry() {
        let refreshing = Refreshing::new();
        let first = refreshing.try_enter(&1);

        assert!(first.is_some());
        assert!(refreshing.try_enter(&1).is_none());
        assert!(refreshing.try_enter(&2).is_some());
        drop(first);
        assert!(refreshing.try_enter(&1).is_some());
    }

    #[test]
    fn an_entry_beyond_the_bound_is_left_to_its_next_reader() {
        let refreshing = Refreshing::new();
        let mut permits: Vec<_> = (0..MOST).map(|id| refreshing.try_enter(&id).expect("below the bound")).collect();

        assert!(refreshing.try_enter(&MOST).is_none());
        permits.pop();
        assert!(refreshing.try_enter(&MOST).is_some());
    }
}
