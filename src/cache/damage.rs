//! What becomes of a value whose checksum is wrong: it was damaged in Redis, or on its way.
//!
//! Nothing tells the two apart. So the connection that brought it ends, and the very bytes that it brought are discarded through
//! another one: they are there if the damage is in Redis, and then no reader meets them again.

use std::time::Duration;

use bytes::Bytes;

use super::{
    shared::{Cache, CellName},
    verify::Differing,
};
use crate::{redis_client::Handle, telemetry::metrics::EntityLabels};

/// How long a discard waits for a connection.
const RECONNECT: Duration = Duration::from_secs(2);

impl Cache {
    /// Counts a damaged value that this connection brought, ends the connection, and discards the value. One that is found
    /// in Redis is an inconsistency, as for the self-check.
    pub(super) fn distrust(&self, handle: &Handle, entity: &'static str, cell: CellName, held: Bytes) {
        self.metrics.cache_damaged_entries.inc();
        handle.end_as_damaged();
        let Ok(permit) = self.discards.clone().try_acquire_owned() else { return };
        let cache = self.clone();
        self.shutdown.spawn(async move {
            if cache.redis.wait_until_up(RECONNECT).await {
                let damaged = Differing { cell, shown: String::new(), held: held.into() };
                match cache.discard(&damaged).await {
                    Ok(true) => _ = cache.metrics.cache_inconsistencies.get_or_create(&EntityLabels { entity }).inc(),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::debug!(error = &error as &dyn std::error::Error, "a damaged value was not discarded");
                    }
                }
            }
            drop(permit);
        });
    }
}
