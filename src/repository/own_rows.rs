//! The rows of our own writes in the invalidation outbox: deleted in batches, off the request path, once the lift is
//! confirmed, so that no relay finds work that is done.

use std::time::Duration;

use aside_postgres::Database;
use aside_runtime::shutdown::Shutdown;
use tokio::sync::mpsc;

use super::batches::Batches;
use crate::{
    cache::{CellName, WriteToken},
    postgres::outbox,
};

/// How long a batch is collected. Well below the age at which relays take rows.
const COLLECTING: Duration = Duration::from_millis(20);
/// Writes whose rows are deleted in one statement.
const BATCH: usize = 500;
/// Writes waiting for that. Beyond, the relay deletes the rows: a load more, nothing wrong.
const QUEUE: usize = 10_000;

/// A write that is done, and the cells that it has invalidated.
type Done = (WriteToken, Vec<CellName>);

/// Takes note of writes that are done. Clones share one queue.
#[derive(Clone, Debug)]
pub(super) struct OwnRows {
    queue: mpsc::Sender<Done>,
}

impl OwnRows {
    /// Starts the background task; it ends with `shutdown`, after what is noted.
    pub(super) fn start(database: Database, shutdown: &Shutdown) -> Self {
        let (queue, done) = mpsc::channel(QUEUE);
        let batches = Batches::new(done, BATCH, COLLECTING, shutdown.clone());
        shutdown.spawn(delete(database, batches));
        Self { queue }
    }

    /// No cache shows what these cells held before the write of this token.
    pub(super) fn note_done(&self, token: WriteToken, cells: Vec<CellName>) {
        let _left_to_the_relay = self.queue.try_send((token, cells));
    }
}

async fn delete(database: Database, mut batches: Batches<Done>) {
    while let Some(batch) = batches.next().await {
        let rows = batch.iter().flat_map(|(token, cells)| cells.iter().map(move |cell| (token, cell)));
        let (tokens, cells): (Vec<Vec<u8>>, Vec<String>) =
            rows.map(|(token, cell)| (token.as_bytes().to_vec(), cell.as_str().to_owned())).unzip();
        if let Err(error) = database.run(outbox::delete_own(database.pool(), &tokens, &cells)).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "own outbox rows left to the relay");
        }
    }
}
