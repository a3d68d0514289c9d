//! Streams rows into a table: one thread makes rows while Postgres stores earlier ones.

use anyhow::{Context, Result, ensure};
use sqlx::PgConnection;
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    progress::Phase,
    rows::{Chunk, RowWriter},
    tables::Table,
};

/// Chunks made ahead. Postgres is slower than the thread, so a few are enough. They bound the memory.
const CHUNKS_AHEAD: usize = 8;

/// Loads the rows that `make` writes into a table that was emptied in the transaction under way.
///
/// FREEZE needs that. It writes rows as already frozen: no VACUUM rewrites them, and index-only scans work at once.
///
/// # Cancel safety
///
/// When dropped, the connection is inside a COPY and can only be closed. The thread ends by itself.
pub(super) async fn copy(
    connection: &mut PgConnection,
    table: Table,
    phase: Phase,
    make: impl FnOnce(RowWriter) -> Result<()> + Send + 'static,
) -> Result<()> {
    let (sender, mut chunks) = mpsc::channel::<Chunk>(CHUNKS_AHEAD);
    let columns = i16::try_from(table.columns.len()).expect("a table has few columns");
    let statement =
        format!("COPY {} ({}) FROM STDIN WITH (FORMAT binary, FREEZE)", table.name, table.columns.join(", "));
    let loading = || format!("cannot load {}", table.name);

    let mut sink = connection.copy_in_raw(&statement).await.with_context(loading)?;
    let making = spawn_blocking(move || make(RowWriter::new(columns, sender)));
    let mut rows = 0;
    while let Some(chunk) = chunks.recv().await {
        sink.send(chunk.bytes).await.with_context(loading)?;
        rows += chunk.rows;
        phase.add(chunk.rows);
    }
    making.await.context("making rows ended before its time")??;
    let stored = sink.finish().await.with_context(loading)?;
    ensure!(stored == rows, "of {rows} rows for {}, Postgres stored {stored}", table.name);
    phase.finish();
    Ok(())
}
