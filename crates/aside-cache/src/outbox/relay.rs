//! The relay: applies what the outbox holds.
//!
//! Every replica runs one. `FOR UPDATE SKIP LOCKED` lets them share the work; a jittered poll is the guarantee (`NOTIFY`
//! takes a database-wide lock at each commit). A row is gone only when Redis has said that its entry is invalid.

use std::time::Duration;

use aside_runtime::metrics::ObserveDuration;
use chrono::Utc;
use tokio::time;

use super::statements;
use crate::{
    database::Database,
    metrics::SourceLabels,
    protocol::{EntryName, Protocol},
};

/// Rows younger than this are left to their writers, which invalidate by themselves: taking them would cost a second load.
const AGE: Duration = Duration::from_millis(250);
/// Between two polls that found nothing, drawn at random.
const POLL_MS: std::ops::Range<u64> = 75..175;
/// Rows taken at once.
const BATCH: i64 = 500;
/// After a failure: Redis or Postgres is away, and rows keep.
const PAUSE: Duration = Duration::from_millis(200);
/// A relay that holds rows and says nothing for so much longer than the time-out of Redis was stopped, or cut off: the server
/// ends its transaction, and other relays take the rows. The wait for older freshness checks is a part of it. With the usual
/// time-outs, rows that two relays take one after the other are applied within a second.
const SLACK: Duration = Duration::from_millis(50);

/// Moves rows from the outbox to the cache.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    pub(crate) database: Database,
    pub(crate) cache: Protocol,
}

/// Why a round of the relay did nothing.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("the outbox cannot be read")]
    Database(#[from] aside_postgres::DatabaseError),
    #[error("the entries cannot be invalidated")]
    Redis(#[from] aside_redis::RedisError),
}

impl Relay {
    /// Applies rows without end.
    pub(crate) async fn run(self) {
        loop {
            let pause = match self.round().await {
                Ok(0) => Duration::from_millis(rand::random_range(POLL_MS)),
                Ok(_more_may_be_there) => Duration::ZERO,
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "relay held up");
                    PAUSE
                }
            };
            time::sleep(pause).await;
        }
    }

    /// Takes one batch to the cache; gives how many rows it had.
    ///
    /// # Cancel safety
    ///
    /// Dropped in the middle, the transaction is rolled back and the rows stay.
    async fn round(&self) -> Result<usize, RelayError> {
        // Without Redis, or with one that says nothing, the rows stay where they are: other relays can take them.
        if !self.cache.is_reachable() {
            return Ok(0);
        }
        self.cache.ask().await?;
        let longest_pause = self.cache.command_timeout() + SLACK;
        let mut transaction = self.database.begin("", Some(longest_pause)).await?;
        let due = transaction.run(|connection| Box::pin(statements::take_due(connection, AGE, BATCH))).await?;
        if due.is_empty() {
            transaction.rollback().await;
            return Ok(0);
        }
        let entries: Vec<EntryName> = due.iter().map(|(entry, _)| EntryName::from_text(entry.clone())).collect();
        self.cache.invalidate_committed(&entries).await?;
        // A commit that fails leaves rows that are taken again, which does no harm.
        let _taken_again = transaction.commit().await;

        let labels = SourceLabels { source: "relay" };
        let lag = self.cache.metrics.invalidation_lag.get_or_create(&labels).clone();
        for (_, created_at) in &due {
            lag.observe_duration((Utc::now() - *created_at).to_std().unwrap_or_default());
        }
        self.cache.metrics.invalidations.get_or_create(&labels).inc_by(due.len() as u64);
        Ok(due.len())
    }
}
