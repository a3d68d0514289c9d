//! Values whose checksum is wrong: damaged in Redis, or on their way.
//!
//! The exact bytes are discarded, if they are in Redis. Then the damage was there, and the connection is good. Otherwise the value
//! was damaged on its way, and the connection ends. If the connection ended in any case, each reader of a hot entry would end
//! another one before the discard got through.

use aside_redis::Handle;
use bytes::Bytes;

use super::{discard::Mismatch, name::EntryName, parts::Protocol};
use crate::metrics::EntityLabels;

impl Protocol {
    /// Counts a damaged value that this connection brought, and discards it in the background. A damaged value that is found in
    /// Redis is an inconsistency, as for the self-check; otherwise the connection ends.
    pub(super) fn discard_damaged(&self, handle: &Handle, entity: &'static str, entry: EntryName, held: Bytes) {
        self.metrics.damaged_entries.inc();
        let Ok(permit) = self.discards.clone().try_acquire_owned() else { return };
        let (protocol, handle) = (self.clone(), handle.clone());
        self.shutdown.spawn(async move {
            let damaged = Mismatch { entry, shown: String::new(), held: held.into() };
            match protocol.discard_through(&handle, &damaged).await {
                Ok(true) => _ = protocol.metrics.inconsistencies.get_or_create(&EntityLabels { entity }).inc(),
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
