//! What is made once and ends once, for good: users, posts, sessions.

use super::{
    bound::Bound,
    chain::Replaced,
    chain::{DELETED, Entry},
};
use crate::time::Micros;

/// Something that ends it, or may.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) write: usize,
    pub(super) start: Micros,
    /// `None` when it is not known that it ends it.
    pub(super) bound: Option<Bound>,
}

/// When something is certainly there, and when it certainly is not.
#[derive(Clone, Debug, Default)]
pub(super) struct Lifetime {
    /// The answer to its making.
    created: Option<Bound>,
    ends: Vec<End>,
    first_start: Option<Micros>,
    over: Option<Replaced>,
}

impl Lifetime {
    /// An end is exact if it was the one that made it so. After one that is not known to have happened, or that is not
    /// promised to be exact, another may have found nothing to do, and so nothing to tell the caches.
    pub(super) fn new(created: Option<Bound>, mut ends: Vec<End>) -> Self {
        let unsure: Vec<(usize, Micros)> = ends
            .iter()
            .filter(|end| end.bound.is_none_or(|bound| bound.is_excused))
            .map(|end| (end.write, end.start))
            .collect();
        for end in &mut ends {
            if let Some(bound) = end.bound
                && unsure.iter().any(|&(write, start)| write != end.write && start < bound.answered)
            {
                end.bound = Some(bound.excused());
            }
        }
        let over = {
            let known = || ends.iter().filter_map(|end| end.bound.map(|bound| (entry(end), bound)));
            let first = known().min_by_key(|(_, bound)| bound.answered);
            let binding = known().min_by_key(|(_, bound)| bound.binding);
            first.zip(binding).map(|(first, binding)| Replaced { first, binding })
        };
        let first_start = ends.iter().map(|end| end.start).min();
        Self { created, ends, first_start, over }
    }

    /// The ends that are known.
    pub(super) fn over(&self) -> Option<Replaced> {
        self.over
    }

    /// Whether a read that starts and ends then may find nothing.
    pub(super) fn may_be_gone(&self, start: Micros, end: Micros) -> bool {
        let not_yet = self.created.is_none_or(|created| created.binding >= start);
        not_yet || self.first_start.is_some_and(|first| first <= end)
    }

    /// The ends, for a list of versions that they finish.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.ends.iter().filter(|end| end.bound.is_some()).map(entry)
    }
}

fn entry(end: &End) -> Entry {
    Entry { version: DELETED, write: end.write, start: end.start, bound: end.bound }
}
