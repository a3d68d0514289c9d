//! Turns among the loads for work that nobody waits for: refreshes and the self-check.

use tokio::sync::SemaphorePermit;

use super::shared::Cache;
use crate::bulkhead;

/// The right to load without anybody waiting for it, given back on drop.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _in_the_background: SemaphorePermit<'a>,
    _as_a_load: bulkhead::Turn,
}

impl Cache {
    /// A turn, if one is free at once; `None` when those who are waited for need them.
    pub(super) fn turn_in_the_background(&self) -> Option<Turn<'_>> {
        let (in_the_background, as_a_load) = (self.background.try_acquire().ok()?, self.loads.try_enter()?);
        Some(Turn { _in_the_background: in_the_background, _as_a_load: as_a_load })
    }
}
