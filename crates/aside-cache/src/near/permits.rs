//! The fill permits of one read, placed before its lookup.

use super::{entries::FillPermit, freshness::NearKind, versions::SlotVersion};
use crate::{
    entry_id::IdBytes,
    protocol::{EntryValue, lifetime},
};

/// One fill permit for each entry that is about to be looked up; none where near entries are not current, or where there are
/// none. Dropped, it removes those that were not used.
#[derive(Debug)]
pub(crate) struct FillPermits {
    placed: Option<(NearKind, Vec<FillPermit>)>,
}

impl FillPermits {
    /// Places a fill permit in the slot of each entry.
    pub(crate) fn place(near: Option<&NearKind>, ids: impl Iterator<Item = IdBytes>) -> Self {
        let place = |near: &NearKind| {
            let permits = ids.map(|id| near.entries().place_permit((near.kind, id))).collect();
            (near.clone(), permits)
        };
        Self { placed: near.map(place) }
    }

    /// Keeps a value that Redis held at some time after the permits were placed, if the permit at this place of the list is still
    /// there; then the value is as good as a near entry, and has its slot version. It is kept until a draw makes it due for a
    /// refresh; the next reader then finds it due in Redis.
    pub(crate) fn keep(&self, at: usize, value: &EntryValue) -> Option<SlotVersion> {
        let (near, permits) = self.placed.as_ref()?;
        let due_ms = lifetime::due_ms(value.expires_at_ms, value.cost_us, lifetime::draw());
        near.entries().keep(*permits.get(at)?, value, due_ms)
    }
}

impl Drop for FillPermits {
    fn drop(&mut self) {
        if let Some((near, permits)) = &self.placed {
            for permit in permits {
                near.entries().remove_permit(*permit);
            }
        }
    }
}
