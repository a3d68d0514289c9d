//! The markers of one read, placed before it looks at any cell.

use std::sync::Arc;

use super::{
    Near,
    copies::Marker,
    key::{IdBytes, Kind},
    stamps::Stamp,
};
use crate::{early, value::CellValue};

/// One marker for each cell that is about to be looked at; none where copies are not current, or not kept at all.
///
/// Clones are the same markers: whoever is the first to keep something under one is the only one. With the last of them those
/// go that nothing was kept under.
#[derive(Clone, Debug, Default)]
pub(crate) struct Markers {
    placed: Option<Arc<Placed>>,
}

#[derive(Debug)]
struct Placed {
    near: Near,
    markers: Vec<Marker>,
}

impl Markers {
    /// Places a marker for the slot of each cell.
    pub(crate) fn place(near: Option<&(Near, Kind)>, ids: impl Iterator<Item = IdBytes>) -> Self {
        let Some((near, kind)) = near else { return Self::default() };
        let markers = ids.map(|id| near.copies().mark(*kind, &id)).collect();
        Self { placed: Some(Arc::new(Placed { near: near.clone(), markers })) }
    }

    /// Keeps what Redis held, some time after the markers were placed, in the slot of the cell at this place, if its marker
    /// is there still; then it is as good as a copy, and this is its stamp. It is kept until it would be due for a refresh;
    /// the next reader then finds that in Redis.
    pub(crate) fn keep(&self, at: usize, value: &CellValue) -> Option<Stamp> {
        let Placed { near, markers } = &**self.placed.as_ref()?;
        let due_ms = early::due_ms(value.expires_at_ms, value.cost_us, early::draw());
        near.copies().keep(*markers.get(at)?, value, due_ms)
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        self.markers.iter().for_each(|marker| self.near.copies().unmark(*marker));
    }
}
