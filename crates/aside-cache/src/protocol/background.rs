//! Permits for loads that no request waits for: refreshes and the self-check.

use aside_postgres::admission::Permit;
use tokio::sync::SemaphorePermit;

use super::parts::Protocol;

/// The right to one background load, given back on drop.
#[derive(Debug)]
pub(crate) struct BackgroundPermit<'a> {
    _in_the_background: SemaphorePermit<'a>,
    _as_a_load: Permit,
}

impl Protocol {
    /// A permit for a background load; `None` while loads of requests need all permits.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing.
    pub(crate) async fn background_permit(&self) -> Option<BackgroundPermit<'_>> {
        let in_the_background = self.background.acquire().await.ok()?;
        let as_a_load = self.loads.try_acquire()?;
        Some(BackgroundPermit { _in_the_background: in_the_background, _as_a_load: as_a_load })
    }
}
