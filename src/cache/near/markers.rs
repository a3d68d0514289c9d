//! The markers of one read, placed before it looks at any cell.

use super::{
    Near,
    copies::Marker,
    key::{IdBytes, Kind},
    stamps::Stamp,
};
use crate::cache::{early, value::CellValue};

/// One marker for each cell that is about to be looked at; none where copies are not current, or not kept at all.
///
/// Clones are the same markers: whoever is the first to keep something under one is the only one.
#[derive(Clone, Debug, Default)]
pub(in crate::cache) struct Markers {
    near: Option<Near>,
    markers: Vec<Option<Marker>>,
}

impl Markers {
    /// Puts a marker into the slot of each cell, in place of what is there.
    pub(in crate::cache) fn place(near: Option<&(Near, Kind)>, ids: impl Iterator<Item = IdBytes>) -> Self {
        let Some((near, kind)) = near else { return Self::default() };
        Self { near: Some(near.clone()), markers: ids.map(|id| Some(near.copies().mark(*kind, &id))).collect() }
    }

    /// Keeps what Redis held, some time after the markers were placed, in the slot of the cell at this place, if its marker
    /// is there still; then it is as good as a copy, and this is its stamp. It is kept until it would be due for a refresh;
    /// the next reader then finds that in Redis.
    pub(in crate::cache) fn keep(&mut self, at: usize, value: &CellValue) -> Option<Stamp> {
        let marker = self.markers.get_mut(at)?.take()?;
        let due_ms = early::due_ms(value.expires_at_ms, value.cost_us, early::draw());
        self.near.as_ref()?.copies().keep(marker, value, due_ms)
    }
}
