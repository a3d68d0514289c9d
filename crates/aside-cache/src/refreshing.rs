//! Which refreshes this process has under way: one for each cell, however many of its readers want one.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use parking_lot::Mutex;

/// The most that are under way or wait for it. What finds no room is left to its next reader: some of a second's work, and no
/// more memory than that while Postgres hangs.
const MOST: usize = 4_096;

/// The cells of one kind that this process is refreshing. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Refreshing<Id> {
    ids: Arc<Mutex<HashSet<Id>>>,
}

/// The right to refresh one cell in this process, given back on drop.
#[derive(Debug)]
pub(super) struct Entered<Id: Eq + Hash> {
    pub(super) id: Id,
    refreshing: Refreshing<Id>,
}

/// A cell whose refresh is due.
#[derive(Debug)]
pub(super) struct Due<Id: Eq + Hash> {
    pub(super) cell: Entered<Id>,
    /// Of the value that was seen.
    pub(super) header: Vec<u8>,
}

impl<Id: Clone + Eq + Hash> Refreshing<Id> {
    pub(super) fn new() -> Self {
        Self { ids: Arc::default() }
    }

    /// `None` while somebody else in this process refreshes the cell, or too many others.
    pub(super) fn enter(&self, id: &Id) -> Option<Entered<Id>> {
        let mut ids = self.ids.lock();
        let enters = ids.len() < MOST && ids.insert(id.clone());
        enters.then(|| Entered { id: id.clone(), refreshing: self.clone() })
    }
}

impl<Id: Eq + Hash> Drop for Entered<Id> {
    fn drop(&mut self) {
        self.refreshing.ids.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_refreshes_a_cell() {
        let refreshing = Refreshing::new();
        let first = refreshing.enter(&1);

        assert!(first.is_some());
        assert!(refreshing.enter(&1).is_none());
        assert!(refreshing.enter(&2).is_some());
        drop(first);
        assert!(refreshing.enter(&1).is_some());
    }

    #[test]
    fn what_finds_no_room_is_left_to_its_next_reader() {
        let refreshing = Refreshing::new();
        let mut entered: Vec<_> = (0..MOST).map(|id| refreshing.enter(&id).expect("there is room")).collect();

        assert!(refreshing.enter(&MOST).is_none());
        entered.pop();
        assert!(refreshing.enter(&MOST).is_some());
    }
}
