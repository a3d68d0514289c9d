//! Statements about the invalidation outbox.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, Result};

/// A cell that a committed transaction has made stale.
#[derive(Debug)]
pub struct StaleCell {
    /// Its name.
    pub cell: String,
    /// When the transaction wrote so.
    pub created_at: DateTime<Utc>,
}

/// Deletes rows that the writer of a token has written about a cell that it has invalidated by itself: token and cell at the
/// same place of both lists. What a transaction has changed beside stays for the relay.
pub async fn delete_own(executor: impl PgExecutor<'_>, tokens: &[Vec<u8>], cells: &[String]) -> Result<()> {
    sqlx::query!(
        "DELETE FROM invalidation_outbox AS o USING unnest($1::bytea[], $2::text[]) AS done (token, cell)
         WHERE o.token = done.token AND o.cell = done.cell",
        tokens,
        cells,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Deletes up to `rows` rows that are older than `age`, the oldest first, and gives them. What another relay has in hand is
/// passed over. To be rolled back when they cannot be applied.
pub async fn take_due(executor: impl PgExecutor<'_>, age: Duration, rows: i64) -> Result<Vec<StaleCell>> {
    sqlx::query_as!(
        StaleCell,
        "DELETE FROM invalidation_outbox WHERE id IN (
             SELECT id FROM invalidation_outbox WHERE created_at < clock_timestamp() - make_interval(secs => $1)
             ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
         ) RETURNING cell, created_at",
        age.as_secs_f64(),
        rows,
    )
    .fetch_all(executor)
    .await
}

/// Those of these cells that the outbox names: their invalidation is on its way.
pub async fn list_pending(executor: impl PgExecutor<'_>, cells: &[String]) -> Result<Vec<String>> {
    sqlx::query_scalar!("SELECT DISTINCT cell FROM invalidation_outbox WHERE cell = ANY($1)", cells)
        .fetch_all(executor)
        .await
}

/// The greatest id in the outbox, if there is any row.
pub async fn find_newest(executor: impl PgExecutor<'_>) -> Result<Option<i64>> {
    sqlx::query_scalar!("SELECT max(id) FROM invalidation_outbox").fetch_one(executor).await
}

/// Whether any row up to this id is left.
pub async fn has_rows_up_to(executor: impl PgExecutor<'_>, id: i64) -> Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM invalidation_outbox WHERE id <= $1) AS "exists!""#, id)
        .fetch_one(executor)
        .await
}
