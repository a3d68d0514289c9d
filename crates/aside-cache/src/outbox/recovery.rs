//! Trust recovery: trust in Redis is recovered once the outbox is drained.

use std::time::Duration;

use aside_postgres::DatabaseError;
use tokio::time;

use super::statements;
use crate::{database::Database, protocol::Protocol};

/// How often lost trust, and the outbox, are polled.
const INTERVAL: Duration = Duration::from_millis(20);

/// Recovers trust each time it was lost, without end.
pub(crate) async fn recover_trust(database: Database, cache: Protocol) {
    loop {
        if !cache.trust().is_trusted()
            && cache.is_reachable()
            && let Err(error) = recover(&database, &cache).await
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "redis stays untrusted");
        }
        time::sleep(INTERVAL).await;
    }
}

/// Recovers trust once every row that is in the outbox now is gone. To be called when Redis is back, not before: what was
/// written until then has to be among those rows (the model's `GateWaitsForEarlierRows`).
async fn recover(database: &Database, cache: &Protocol) -> Result<(), DatabaseError> {
    let losses = cache.trust().loss_count();
    if let Some(newest) = database.run(statements::find_newest(database)).await? {
        while database.run(statements::has_rows_up_to(database, newest)).await? {
            time::sleep(INTERVAL).await;
        }
    }
    cache.trust().recover(losses);
    let failures = cache.trust().take_failures();
    tracing::info!(failures, "redis is trusted");
    Ok(())
}
