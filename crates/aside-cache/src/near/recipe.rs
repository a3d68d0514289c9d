//! What something was put together from, so that it can be kept as long as it would be put together the same.
//!
//! A recipe is the stamps of all copies that were used, each taken before its copy was. A slot that is emptied changes its
//! stamp; so while all stamps are the same, all copies are, whether they are still here or not.

use super::stamps::Stamp;

/// The copies that something is being made of.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// `None` once something else than a current copy was used.
    stamps: Option<Vec<Stamp>>,
    /// When the first of the cells is due for a refresh, milliseconds since the epoch.
    expires_at_ms: i64,
    /// Until when all of them may be used.
    ends_at_ms: i64,
}

/// The recipe of something that was made of nothing but copies.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(super) stamps: Box<[Stamp]>,
    pub(super) ends_at_ms: i64,
    expires_at_ms: i64,
    /// From when on what was made should be made again.
    due_at_ms: i64,
}

/// How long something that was made of cells which are due is left alone: so long, a refresh takes at most.
const PAUSE_MS: i64 = 1_000;

impl Recipe {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { stamps: Some(Vec::with_capacity(128)), expires_at_ms: i64::MAX, ends_at_ms: i64::MAX }
    }

    /// A cell is used, of which there is a copy here if it has a stamp; it is due for a refresh, and its use ends, at these
    /// moments.
    pub fn add(&mut self, stamp: Option<Stamp>, expires_at_ms: i64, ends_at_ms: i64) {
        match (&mut self.stamps, stamp) {
            (Some(stamps), Some(stamp)) => stamps.push(stamp),
            _not_all_copies => self.stamps = None,
        }
        self.expires_at_ms = self.expires_at_ms.min(expires_at_ms);
        self.ends_at_ms = self.ends_at_ms.min(ends_at_ms);
    }

    /// Something is used that is no cell.
    pub fn spoil(&mut self) {
        self.stamps = None;
    }

    /// It is made at `now_ms`; `None` when it was not made of copies alone. It is due half way between when its first cell is
    /// and its end: then most of its cells are, and making it again once refreshes them all.
    pub(crate) fn finish(self, now_ms: i64) -> Option<Finished> {
        let Self { stamps, expires_at_ms, ends_at_ms } = self;
        let grace_ms = ends_at_ms.saturating_sub(expires_at_ms);
        let due_at_ms = expires_at_ms.saturating_add(grace_ms / 2).max(now_ms + PAUSE_MS);
        Some(Finished { stamps: stamps?.into(), ends_at_ms, expires_at_ms, due_at_ms })
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self::new()
    }
}

impl Finished {
    /// Whether it should be made again, while what was made is still served.
    pub(crate) fn is_due(&self, now_ms: i64) -> bool {
        now_ms >= self.due_at_ms
    }

    /// How many copies.
    pub(crate) fn copies(&self) -> usize {
        self.stamps.len()
    }

    /// When the first of them is due for a refresh, milliseconds since the epoch.
    pub(crate) fn expires_at_ms(&self) -> i64 {
        self.expires_at_ms
    }
}
