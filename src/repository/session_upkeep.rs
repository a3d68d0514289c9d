//! Keeping sessions up: writing back when they were last used, rarely and in batches, and deleting those that are over.
//!
//! A use moves the idle end of a session on. Cells are not fenced for that: a cell that knows an earlier end runs out
//! earlier, and the next look finds the later one in Postgres.

use std::{sync::Arc, time::Duration};

use aside_postgres::Database;
use aside_runtime::{batches::Batches, clock::Clock, shutdown::Shutdown};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::{sync::mpsc, time};
use uuid::Uuid;

use super::{error::RepositoryError, session_cell::SessionCell};
use crate::{
    config::SessionConfig,
    domain::SessionId,
    postgres::sessions::{self, SessionUse},
};

/// `last_seen_at` may lag by a minute: half of it, so that a batch that failed can be made up for.
const MAX_LAG: Duration = Duration::from_secs(30);
/// How long a batch is collected, at most.
const MAX_COLLECTING: Duration = Duration::from_secs(1);
/// Uses written in one statement.
const BATCH: usize = 500;
/// Uses waiting to be written. One that finds no room is noted at the session's next use.
const QUEUE: usize = 10_000;

/// Sessions whose last use is remembered; some 16 MB.
const REMEMBERED: usize = 1 << 18;

/// How often sessions that are over are deleted, and how many in one statement.
const SWEEP_INTERVAL: Duration = Duration::from_mins(10);
const SWEEP_BATCH: i64 = 1_000;

/// Notes uses of sessions. Clones share one queue.
#[derive(Clone, Debug)]
pub struct SessionUpkeep {
    database: Database,
    idle: TimeDelta,
    /// A session is written back when its last use that is known of is so long ago.
    lag: TimeDelta,
    /// A session whose idle end is nearer than this does not wait for a batch.
    urgent: TimeDelta,
    /// When a use was noted last. One that is forgotten is written once more than needed.
    noted: Arc<Cache<SessionId, DateTime<Utc>>>,
    queue: mpsc::Sender<SessionUse>,
}

impl SessionUpkeep {
    /// Starts the two background tasks; they end with `shutdown`, after writing what is noted.
    #[must_use]
    pub fn start(database: Database, clock: Clock, config: &SessionConfig, shutdown: &Shutdown) -> Self {
        let collecting = MAX_COLLECTING.min(config.idle / 16);
        let (queue, noted_uses) = mpsc::channel(QUEUE);
        let upkeep = Self {
            database: database.clone(),
            idle: delta(config.idle),
            lag: delta(MAX_LAG.min(config.idle / 8)),
            urgent: delta(collecting * 4),
            noted: Arc::new(Cache::new(REMEMBERED)),
            queue,
        };
        let (writer, batches) = (upkeep.clone(), Batches::new(noted_uses, BATCH, collecting, shutdown.clone()));
        shutdown.spawn(async move { writer.write_back(batches).await });
        shutdown.spawn_until_drained(sweep(database, clock, config.absolute));
        upkeep
    }

    /// Notes that a session is used now.
    ///
    /// # Errors
    ///
    /// Only for a session that is about to expire: its use is written before it is answered, so that the next request
    /// finds it alive.
    pub(super) async fn note_use(&self, session: &SessionCell, now: DateTime<Utc>) -> Result<(), RepositoryError> {
        let known = self.noted.get(&session.id).map_or(session.last_seen_at, |noted| noted.max(session.last_seen_at));
        if now - known < self.lag {
            return Ok(());
        }
        let used = SessionUse { id: session.id, at: now };
        let ends = session.idle_expires_at.max(known + self.idle);
        if ends - now < self.urgent {
            Box::pin(self.write(&[used])).await?;
        } else if self.queue.try_send(used).is_err() {
            return Ok(());
        }
        self.noted.insert(session.id, now);
        Ok(())
    }

    async fn write(&self, uses: &[SessionUse]) -> Result<(), RepositoryError> {
        // Lossless below 2^52 milliseconds.
        #[expect(clippy::cast_precision_loss, reason = "idle times are far below 2^52 milliseconds")]
        let idle_seconds = self.idle.num_milliseconds() as f64 / 1e3;
        Ok(self.database.run(sessions::touch_sessions(self.database.pool(), uses, idle_seconds)).await?)
    }

    async fn write_back(self, mut batches: Batches<SessionUse>) {
        while let Some(batch) = batches.next().await {
            if let Err(error) = self.write(&batch).await {
                // The sessions' next uses are noted again; what is lost is some minutes of their idle time.
                tracing::warn!(
                    sessions = batch.len(),
                    error = &error as &dyn std::error::Error,
                    "uses not written back"
                );
                for used in &batch {
                    self.noted.remove(&used.id);
                }
            }
        }
    }
}

/// Deletes sessions that are over, without end. A session that only idled out stays until its absolute end; no request can use it.
async fn sweep(database: Database, clock: Clock, absolute: Duration) {
    loop {
        // Jittered, so that replicas take turns instead of meeting.
        time::sleep(SWEEP_INTERVAL.mul_f64(rand::random_range(0.5..1.5))).await;
        // By this process's clock: where to look. What is deleted there the server's decides.
        let began_before = first_id_at(clock.now() - delta(absolute));
        loop {
            let deleted = sessions::delete_expired_sessions(database.pool(), began_before, SWEEP_BATCH);
            match database.run(deleted).await {
                Ok(deleted) if deleted > 0 => tracing::debug!(deleted, "sessions that were over are deleted"),
                Ok(_none_left) => break,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "sessions that are over not deleted");
                    break;
                }
            }
        }
    }
}

/// The least UUIDv7 of a moment.
fn first_id_at(moment: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(moment.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis) << 80)
}

/// A configured duration as clocks add it.
pub(super) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
