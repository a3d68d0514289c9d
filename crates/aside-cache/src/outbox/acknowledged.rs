//! Acknowledged outbox rows: those of own writes whose release was confirmed. They are deleted in batches, off the request path,
//! so that no relay finds work that is done.

use std::time::Duration;

use aside_runtime::{batches::Batches, shutdown::Shutdown};
use tokio::sync::mpsc;

use super::statements;
use crate::{database::Database, protocol::EntryName, protocol::WriteToken};

/// How long a batch is collected. Well below the age at which relays take rows.
const COLLECTING: Duration = Duration::from_millis(20);
/// Writes whose rows are deleted in one statement.
const BATCH: usize = 500;
/// Writes waiting for that. Beyond, the relay deletes the rows: one load more, nothing wrong.
const QUEUE: usize = 10_000;

/// A write that is done, and the entries that it has invalidated.
type Done = (WriteToken, Vec<EntryName>);

/// Takes note of writes that are done. Clones share one queue.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    queue: mpsc::Sender<Done>,
}

impl Acknowledged {
    /// Starts the background task; it ends with `shutdown`, after what was noted.
    pub(crate) fn start(database: Database, shutdown: &Shutdown) -> Self {
        let (queue, done) = mpsc::channel(QUEUE);
        let batches = Batches::new(done, BATCH, COLLECTING, shutdown.clone());
        shutdown.spawn(delete(database, batches));
        Self { queue }
    }

    /// No cache shows what these entries held before the write of this token.
    pub(crate) fn note(&self, token: WriteToken, entries: Vec<EntryName>) {
        let _left_to_the_relay = self.queue.try_send((token, entries));
    }
}

async fn delete(database: Database, mut batches: Batches<Done>) {
    while let Some(batch) = batches.next().await {
        let rows = batch.iter().flat_map(|(token, entries)| entries.iter().map(move |entry| (token, entry)));
        let (tokens, entries): (Vec<Vec<u8>>, Vec<String>) =
            rows.map(|(token, entry)| (token.as_bytes().to_vec(), entry.as_str().to_owned())).unzip();
        if let Err(error) = database.run(statements::delete_own(&database, &tokens, &entries)).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "acknowledged outbox rows are left to the relay");
        }
    }
}
