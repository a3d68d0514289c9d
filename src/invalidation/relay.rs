//! The relay: takes what the outbox holds to the cache.
//!
//! Every replica runs one. `FOR UPDATE SKIP LOCKED` lets them share the work; a jittered poll is the guarantee (`NOTIFY`
//! takes a database-wide lock at each commit). A row is gone only when Redis has said that its cell is invalid.

use std::{sync::Arc, time::Duration};

use aside_postgres::Database;
use aside_runtime::{metrics::ObserveDuration, shutdown::Shutdown};
use chrono::Utc;
use tokio::time;

use crate::{
    cache::{Cache, CellName},
    postgres::outbox,
    telemetry::metrics::{Metrics, SourceLabels},
};

/// Rows younger than this are left to their writers, who invalidate by themselves: taking them would cost a second load.
const AGE: Duration = Duration::from_millis(250);
/// Between two polls that found nothing, drawn at random.
const POLL_MS: std::ops::Range<u64> = 75..175;
/// Rows taken at once.
const BATCH: i64 = 500;
/// After a failure: Redis or Postgres is away, and rows keep.
const PAUSE: Duration = Duration::from_millis(200);
/// A relay that has rows in hand and is not heard of for so much longer than Redis is waited for was stopped, or cut off: the
/// server ends its transaction, and others have the rows. The wait for the end of older looks is a part of it. So with the usual time-outs, rows that two relays take one after the
/// other are through within a second.
const SLACK: Duration = Duration::from_millis(50);

/// Moves rows from the outbox to the cache.
#[derive(Clone, Debug)]
pub struct Relay {
    database: Database,
    cache: Cache,
    metrics: Arc<Metrics>,
}

/// Why a round of the relay did nothing.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("the outbox cannot be read")]
    Database(#[from] aside_postgres::DatabaseError),
    #[error("the cells cannot be invalidated")]
    Redis(#[from] aside_redis::RedisError),
}

impl Relay {
    /// Starts the loop; it ends with `shutdown`.
    pub fn start(database: Database, cache: Cache, metrics: Arc<Metrics>, shutdown: &Shutdown) {
        let relay = Self { database, cache, metrics };
        shutdown.spawn_until_drained(async move { relay.run().await });
    }

    async fn run(&self) {
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
        let mut transaction = self.database.begin(&[], Some(longest_pause)).await?;
        let due = transaction.run(|connection| Box::pin(outbox::take_due(connection, AGE, BATCH))).await?;
        if due.is_empty() {
            transaction.rollback().await;
            return Ok(0);
        }
        let cells: Vec<CellName> = due.iter().map(|row| CellName::from_text(row.cell.clone())).collect();
        self.cache.invalidate_committed(&cells).await?;
        // A commit that fails leaves rows that are taken again, which does no harm.
        let _taken_again = transaction.commit().await;

        let labels = SourceLabels { source: "relay" };
        let lag = self.metrics.cache_invalidation_lag.get_or_create(&labels).clone();
        for row in &due {
            lag.observe_duration((Utc::now() - row.created_at).to_std().unwrap_or_default());
        }
        self.metrics.cache_invalidations.get_or_create(&labels).inc_by(due.len() as u64);
        Ok(due.len())
    }
}
