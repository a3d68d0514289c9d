//! The gatekeeper: opens the gate when the outbox holds nothing any more that was there after the gate was closed.

use std::time::Duration;

use aside_postgres::{Database, DatabaseError};
use aside_runtime::shutdown::Shutdown;
use tokio::time;

use crate::{cache::Cache, postgres::outbox};

/// How often a closed gate, and an open one, is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Keeps the gate of one replica.
#[derive(Clone, Debug)]
pub struct Gatekeeper {
    database: Database,
    cache: Cache,
}

impl Gatekeeper {
    /// Starts the loop; it ends with `shutdown`.
    pub fn start(database: Database, cache: Cache, shutdown: &Shutdown) {
        let keeper = Self { database, cache };
        shutdown.spawn_until_drained(async move { keeper.run().await });
    }

    async fn run(&self) {
        loop {
            if !self.cache.gate().is_open()
                && self.cache.is_reachable()
                && let Err(error) = self.open().await
            {
                tracing::debug!(error = &error as &dyn std::error::Error, "gate stays closed");
            }
            time::sleep(LOOK).await;
        }
    }

    /// Opens the gate, once every row that is in the outbox now is gone. To be called when Redis is back, not before: what was
    /// written until then has to be among those rows (the search's `GateWaitsForEarlierRows`).
    async fn open(&self) -> Result<(), DatabaseError> {
        let closed = self.cache.gate().closed();
        if let Some(newest) = self.database.run(outbox::find_newest(self.database.pool())).await? {
            while self.database.run(outbox::has_rows_up_to(self.database.pool(), newest)).await? {
                time::sleep(LOOK).await;
            }
        }
        self.cache.gate().open(closed);
        let failures = self.cache.gate().take_failures();
        tracing::info!(failures, "what redis holds is believed");
        Ok(())
    }
}
