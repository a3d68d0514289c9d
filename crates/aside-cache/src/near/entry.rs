//! The contents of near slots, each in one allocation: the bytes, and a header before them. CPU cache misses dominate a hit, so
//! header and payload share one allocation, and the reference count lies beside the header.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use triomphe::ThinArc;

use super::{dependencies::PageDependencies, versions::SlotVersions};
use crate::protocol::EntryValue;

/// A near entry. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct NearEntry(ThinArc<EntryHead, u8>);

#[derive(Debug)]
struct EntryHead {
    /// Until when it is kept, milliseconds since the epoch.
    until_ms: i64,
    expires_at_ms: i64,
    version: u64,
    cost_us: u32,
    /// A cached absence has no payload, which is not the same as an empty one.
    has_payload: bool,
}

impl NearEntry {
    pub(super) fn new(value: &EntryValue, until_ms: i64) -> Self {
        let EntryValue { payload, version, expires_at_ms, cost_us, .. } = value;
        let (version, expires_at_ms, cost_us) = (*version, *expires_at_ms, *cost_us);
        let head = EntryHead { until_ms, expires_at_ms, version, cost_us, has_payload: payload.is_some() };
        Self(ThinArc::from_header_and_slice(head, payload.as_deref().unwrap_or_default()))
    }

    /// The entry's value, if it is still kept then.
    pub(super) fn value_at(self, now_ms: i64) -> Option<EntryValue> {
        let EntryHead { until_ms, expires_at_ms, version, cost_us, has_payload } = self.0.header.header;
        let value = |payload| EntryValue { payload, version, expires_at_ms, cost_us, refreshing_since_ms: None };
        (now_ms < until_ms).then(|| value(has_payload.then(|| Bytes::from_owner(self))))
    }

    pub(super) fn size(&self) -> usize {
        size_of::<EntryHead>() + self.0.slice.len()
    }
}

impl AsRef<[u8]> for NearEntry {
    fn as_ref(&self) -> &[u8] {
        &self.0.slice
    }
}

/// A composed page. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct NearPage(ThinArc<PageHead, u8>);

#[derive(Debug)]
struct PageHead {
    dependencies: PageDependencies,
    /// The number of drops of slots when the versions were compared last, and all were the same.
    compared_at: AtomicU64,
}

impl NearPage {
    pub(super) fn new(bytes: &[u8], dependencies: PageDependencies) -> Self {
        // No number of drops: the versions are compared at the first hit.
        let head = PageHead { dependencies, compared_at: AtomicU64::new(u64::MAX) };
        Self(ThinArc::from_header_and_slice(head, bytes))
    }

    /// Whether it would be composed the same at `now_ms`.
    pub(super) fn is_current(&self, versions: &SlotVersions, now_ms: i64) -> bool {
        let PageHead { dependencies, compared_at } = &self.0.header.header;
        if now_ms >= dependencies.ends_at_ms {
            return false;
        }
        // Before the versions: one that changes while they are compared counts as a drop after this number.
        let drops = versions.drops();
        if compared_at.load(Ordering::Relaxed) == drops {
            return true;
        }
        let is_current = versions.are_current(&dependencies.versions);
        if is_current {
            compared_at.store(drops, Ordering::Relaxed);
        }
        is_current
    }

    /// The entries that it was composed of.
    pub(super) fn dependencies(&self) -> &PageDependencies {
        &self.0.header.header.dependencies
    }

    /// Its bytes.
    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    pub(super) fn size(&self) -> usize {
        size_of::<PageHead>() + size_of_val(&*self.dependencies().versions) + self.0.slice.len()
    }
}

impl AsRef<[u8]> for NearPage {
    fn as_ref(&self) -> &[u8] {
        &self.0.slice
    }
}
