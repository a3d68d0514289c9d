//! What slots hold, each in one piece of memory: the bytes, and before them what is known of them. A hit waits for memory more
//! than for anything else, and the count of those who use a value lies beside what they ask of it first.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use triomphe::ThinArc;

use super::{recipe::Finished, stamps::Stamps};
use crate::value::CellValue;

/// A cell. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct CopiedCell(ThinArc<CellHead, u8>);

#[derive(Debug)]
struct CellHead {
    /// Until when it is a copy, milliseconds since the epoch.
    until_ms: i64,
    expires_at_ms: i64,
    version: u64,
    cost_us: u32,
    /// Of what is not there there is no payload, which is not the same as an empty one.
    has_payload: bool,
}

impl CopiedCell {
    pub(super) fn new(value: &CellValue, until_ms: i64) -> Self {
        let CellValue { payload, version, expires_at_ms, cost_us } = value;
        let (version, expires_at_ms, cost_us) = (*version, *expires_at_ms, *cost_us);
        let head = CellHead { until_ms, expires_at_ms, version, cost_us, has_payload: payload.is_some() };
        Self(ThinArc::from_header_and_slice(head, payload.as_deref().unwrap_or_default()))
    }

    /// What the cell holds, if this is still a copy of it.
    pub(super) fn value_at(self, now_ms: i64) -> Option<CellValue> {
        let CellHead { until_ms, expires_at_ms, version, cost_us, has_payload } = self.0.header.header;
        let value = |payload| CellValue { payload, version, expires_at_ms, cost_us };
        (now_ms < until_ms).then(|| value(has_payload.then(|| Bytes::from_owner(self))))
    }

    pub(super) fn size(&self) -> usize {
        size_of::<CellHead>() + self.0.slice.len()
    }
}

impl AsRef<[u8]> for CopiedCell {
    fn as_ref(&self) -> &[u8] {
        &self.0.slice
    }
}

/// What was put together from copies. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct DerivedValue(ThinArc<DerivedHead, u8>);

#[derive(Debug)]
struct DerivedHead {
    recipe: Finished,
    /// How many changes of slots there had been when its stamps were compared last, and all of them good.
    compared: AtomicU64,
}

impl DerivedValue {
    pub(super) fn new(bytes: &[u8], recipe: Finished) -> Self {
        // No number of changes: it is compared when it is first asked for.
        let head = DerivedHead { recipe, compared: AtomicU64::new(u64::MAX) };
        Self(ThinArc::from_header_and_slice(head, bytes))
    }

    /// Whether it would be put together the same at `now_ms`.
    pub(super) fn is_good(&self, stamps: &Stamps, now_ms: i64) -> bool {
        let DerivedHead { recipe, compared } = &self.0.header.header;
        if now_ms >= recipe.ends_at_ms {
            return false;
        }
        // Before the stamps: one that changes while they are compared counts as a change after this number.
        let changes = stamps.changes();
        if compared.load(Ordering::Relaxed) == changes {
            return true;
        }
        let is_good = stamps.are_good(&recipe.stamps);
        if is_good {
            compared.store(changes, Ordering::Relaxed);
        }
        is_good
    }

    /// What it was made of.
    pub(crate) fn recipe(&self) -> &Finished {
        &self.0.header.header.recipe
    }

    /// Its bytes.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    pub(super) fn size(&self) -> usize {
        size_of::<DerivedHead>() + size_of_val(&*self.recipe().stamps) + self.0.slice.len()
    }
}

impl AsRef<[u8]> for DerivedValue {
    fn as_ref(&self) -> &[u8] {
        &self.0.slice
    }
}
