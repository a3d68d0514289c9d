//! The dependencies of a composed page: it is kept as long as it would be composed the same.
//!
//! They are the slot versions of all entries that were used, each read before its entry was. A drop changes the version of its
//! slot. So while all versions are the same, all entries are, whether they are still here or not.

use super::versions::SlotVersion;

/// The entries that a page is being composed of.
#[derive(Clone, Debug)]
pub struct Dependencies {
    /// `None` once something else than a near entry was used.
    versions: Option<Vec<SlotVersion>>,
    /// When the first of the entries is due for a refresh, milliseconds since the epoch.
    expires_at_ms: i64,
    /// Until when all of them may be used.
    ends_at_ms: i64,
}

/// The dependencies of a page that was composed of nothing but near entries.
#[derive(Debug)]
pub(super) struct PageDependencies {
    pub(super) versions: Box<[SlotVersion]>,
    pub(super) ends_at_ms: i64,
    pub(super) expires_at_ms: i64,
    /// From when on the page should be rebuilt.
    due_at_ms: i64,
}

/// How long a page of entries that are due is not rebuilt: a refresh takes less.
const PAUSE_MS: i64 = 1_000;

impl Dependencies {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { versions: Some(Vec::with_capacity(128)), expires_at_ms: i64::MAX, ends_at_ms: i64::MAX }
    }

    /// An entry is used. It is a near entry if it has a slot version; it is due for a refresh, and its use ends, at these moments.
    pub fn add(&mut self, version: Option<SlotVersion>, expires_at_ms: i64, ends_at_ms: i64) {
        match (&mut self.versions, version) {
            (Some(versions), Some(version)) => versions.push(version),
            _not_all_near => self.versions = None,
        }
        self.expires_at_ms = self.expires_at_ms.min(expires_at_ms);
        self.ends_at_ms = self.ends_at_ms.min(ends_at_ms);
    }

    /// Something is used that is no entry: the page is not kept.
    pub fn add_uncached(&mut self) {
        self.versions = None;
    }

    /// The page is composed at `now_ms`; `None` when not all of its parts were near entries. It is due for a rebuild half way
    /// between when its first entry is and its end: then most of its entries are, and one rebuild refreshes them all.
    pub(super) fn finish(self, now_ms: i64) -> Option<PageDependencies> {
        let Self { versions, expires_at_ms, ends_at_ms } = self;
        let grace_ms = ends_at_ms.saturating_sub(expires_at_ms);
        let due_at_ms = expires_at_ms.saturating_add(grace_ms / 2).max(now_ms + PAUSE_MS);
        Some(PageDependencies { versions: versions?.into(), ends_at_ms, expires_at_ms, due_at_ms })
    }
}

impl Default for Dependencies {
    fn default() -> Self {
        Self::new()
    }
}

impl PageDependencies {
    /// Whether the page should be rebuilt, while it is still served.
    pub(super) fn is_due(&self, now_ms: i64) -> bool {
        now_ms >= self.due_at_ms
    }
}
