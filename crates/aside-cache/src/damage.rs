//! What becomes of a value whose checksum is wrong: it was damaged in Redis, or on its way.
//!
//! So the very bytes are discarded, if they are there. Then the damage was in Redis, and the connection is good. Otherwise it came on the
//! way, and the connection ends. Ended in any case, it would be ended again by each reader of a hot entry before the discard got through.

use aside_redis::Handle;
use bytes::Bytes;

use super::{
    shared::{CellName, Protocol},
    verify::Differing,
};
use crate::metrics::EntityLabels;

impl Protocol {
    /// Counts a damaged value that this connection brought, and discards it. One that is found in Redis is an inconsistency, as for
    /// the self-check; otherwise the connection ends.
    pub(super) fn distrust(&self, handle: &Handle, entity: &'static str, cell: CellName, held: Bytes) {
        self.metrics.damaged_entries.inc();
        let Ok(permit) = self.discards.clone().try_acquire_owned() else { return };
        let (cache, handle) = (self.clone(), handle.clone());
        self.shutdown.spawn(async move {
            let damaged = Differing { cell, shown: String::new(), held: held.into() };
            match cache.discard_through(&handle, &damaged).await {
                Ok(true) => _ = cache.metrics.inconsistencies.get_or_create(&EntityLabels { entity }).inc(),
                Ok(false) => handle.end_as_damaged(),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a damaged value was not discarded");
                    handle.end_as_damaged();
                }
            }
            drop(permit);
        });
    }
}
