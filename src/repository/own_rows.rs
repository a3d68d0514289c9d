//! The rows of our own writes in the invalidation outbox: deleted in batches, off the request path, once the lift is
//! confirmed, so that no relay finds work that is done.

use std::time::Duration;

use tokio::sync::mpsc;

use super::batches::Batches;
use crate::{
    cache::WriteToken,
    postgres::{Database, outbox},
    shutdown::Shutdown,
};

/// How long a batch is collected. Well below the age at which relays take rows.
const COLLECTING: Duration = Duration::from_millis(20);
/// Writes whose rows are deleted in one statement.
const BATCH: usize = 500;
/// Writes waiting for that. Beyond, the relay deletes the rows: a load more, nothing wrong.
const QUEUE: usize = 10_000;

/// Takes note of writes that are done. Clones share one queue.
#[derive(Clone, Debug)]
pub(super) struct OwnRows {
    queue: mpsc::Sender<WriteToken>,
}

impl OwnRows {
    /// Starts the background task; it ends with `shutdown`, after what is noted.
    pub(super) fn start(database: Database, shutdown: &Shutdown) -> Self {
        let (queue, done) = mpsc::channel(QUEUE);
        let batches = Batches::new(done, BATCH, COLLECTING, shutdown.clone());
        shutdown.spawn(delete(database, batches));
        Self { queue }
    }

    /// The write of this token is in no cache any more.
    pub(super) fn note_done(&self, token: WriteToken) {
        let _left_to_the_relay = self.queue.try_send(token);
    }
}

async fn delete(database: Database, mut batches: Batches<WriteToken>) {
    while let Some(batch) = batches.next().await {
        let tokens: Vec<Vec<u8>> = batch.iter().map(|token| token.as_bytes().to_vec()).collect();
        if let Err(error) = database.run(outbox::delete_own(database.pool(), &tokens)).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "own outbox rows left to the relay");
        }
    }
}
