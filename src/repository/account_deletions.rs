//! The rest of deleted accounts: posts and follows whose user is gone, deleted in batches.
//!
//! Every replica runs this. What is to be done stands in a table, written in the transaction that deleted the user, so it
//! survives whichever process began it. The outbox names what each batch changes, and the relay takes it to the cache.

use std::time::Duration;

use aside_postgres::{CommitError, Database, DatabaseError};
use aside_runtime::shutdown::Shutdown;
use tokio::time;

use crate::postgres::account_deletions;

/// Between two looks that found nothing, drawn at random.
const POLL_MS: std::ops::Range<u64> = 500..1_500;
/// Between two batches: what requests write has its turn.
const PAUSE: Duration = Duration::from_millis(20);
/// Rows of each table in one batch, at most. One that fails is tried again with half as many.
const BATCH: i64 = 500;

/// Deletes batches until `shutdown`.
pub fn start(database: Database, shutdown: &Shutdown) {
    shutdown.spawn_until_drained(async move {
        let mut rows = BATCH;
        loop {
            let pause = match delete_batch(&database, rows).await {
                Ok(true) => {
                    rows = (rows * 2).min(BATCH);
                    PAUSE
                }
                Ok(false) => poll(),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, rows, "deletion of an account held up");
                    rows = (rows / 2).max(1);
                    poll()
                }
            };
            time::sleep(pause).await;
        }
    });
}

fn poll() -> Duration {
    Duration::from_millis(rand::random_range(POLL_MS))
}

/// Why a batch was not deleted. It is tried again.
#[derive(Debug, thiserror::Error)]
enum BatchError {
    #[error("a batch of a deleted account cannot be deleted")]
    Database(#[from] DatabaseError),
    #[error("a batch of a deleted account cannot be committed")]
    Commit(#[from] CommitError),
}

async fn delete_batch(database: &Database, rows: i64) -> Result<bool, BatchError> {
    let mut transaction = database.begin(&[], None).await?;
    let batch = transaction.run(move |connection| Box::pin(account_deletions::delete_batch(connection, rows))).await?;
    transaction.commit().await?;
    Ok(batch)
}
