//! Turns among the loads for work that nobody waits for: refreshes and the self-check.

use aside_postgres::admission::Permit;
use tokio::sync::SemaphorePermit;

use super::shared::Protocol;

/// The right to load without anybody waiting for it, given back on drop.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _in_the_background: SemaphorePermit<'a>,
    _as_a_load: Permit,
}

impl Protocol {
    /// A turn, when others in the background leave one; `None` when those who are waited for need them all.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing.
    pub(super) async fn turn_in_the_background(&self) -> Option<Turn<'_>> {
        let in_the_background = self.background.acquire().await.ok()?;
        let as_a_load = self.loads.try_acquire()?;
        Some(Turn { _in_the_background: in_the_background, _as_a_load: as_a_load })
    }
}
