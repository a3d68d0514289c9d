//! The writes of one row or field, in the order of their versions, prepared so that each read is judged by one look.
//!
//! ```text
//!   version            1      2      3      4
//!   answered           10     55     40     -          (4 was seen, but never answered)
//!   earliest_answer    10     40     40     -          of this version and all later ones
//!   latest_start        0     30     35     70         of this version and all earlier ones
//! ```
//!
//! A read of version 1 that starts at 45 is stale: version 3 had been answered at 40. A read of version 4 that ends at 60 is
//! from the future: nobody had begun to write it.

use super::bound::Bound;
use crate::time::Micros;

/// The version of what is deleted: later than all others.
pub(super) const DELETED: u32 = u32::MAX;

/// A write that has this version, or an earlier one when it was never answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) version: u32,
    /// Its place in the history.
    pub(super) write: usize,
    pub(super) start: Micros,
    /// `None` when it was never answered.
    pub(super) bound: Option<Bound>,
}

/// What a version was replaced by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replaced {
    /// The later version that was answered first.
    pub(super) first: (Entry, Bound),
    /// The later version that had to be seen first; the same one, mostly.
    pub(super) binding: (Entry, Bound),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    entries: Vec<Entry>,
    replaced: Vec<Option<Replaced>>,
    latest_start: Vec<Entry>,
}

impl Chain {
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| (entry.version, entry.start));
        let mut latest_start: Vec<Entry> = Vec::with_capacity(entries.len());
        for &entry in &entries {
            let later = latest_start.last().is_none_or(|last| last.start <= entry.start);
            latest_start.push(if later { entry } else { latest_start[latest_start.len() - 1] });
        }
        let mut replaced = vec![None; entries.len()];
        let mut so_far: Option<Replaced> = None;
        for (place, &entry) in entries.iter().enumerate().rev() {
            if let Some(bound) = entry.bound {
                let this = (entry, bound);
                so_far = Some(match so_far {
                    None => Replaced { first: this, binding: this },
                    Some(Replaced { first, binding }) => Replaced {
                        first: if bound.answered <= first.1.answered { this } else { first },
                        binding: if bound.binding <= binding.1.binding { this } else { binding },
                    },
                });
            }
            replaced[place] = so_far;
        }
        Self { entries, replaced, latest_start }
    }

    /// The answered writes of later versions.
    pub(super) fn replaced(&self, version: u32) -> Option<Replaced> {
        let place = self.entries.partition_point(|entry| entry.version <= version);
        self.replaced.get(place).copied().flatten()
    }

    /// Of all writes up to this version, the one that was begun last.
    pub(super) fn latest_start(&self, version: u32) -> Option<Entry> {
        let place = self.entries.partition_point(|entry| entry.version <= version);
        self.latest_start.get(place.checked_sub(1)?).copied()
    }

    /// The answered writes with a version above `after`, up to `upto`.
    pub(super) fn between(&self, after: u32, upto: u32) -> impl Iterator<Item = &Entry> {
        let from = self.entries.partition_point(|entry| entry.version <= after);
        self.entries[from..].iter().take_while(move |entry| entry.version <= upto).filter(|entry| entry.bound.is_some())
    }

    /// All of them, by version.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}
