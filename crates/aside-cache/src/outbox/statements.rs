//! Statements about the invalidation outbox. They are not checked at compile time: a check would ask the database of the program
//! that uses this crate.
//!
//! What trust depends on asks for `pg_current_wal_insert_lsn()` too: a standby, whose outbox is late, answers with an error.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, Result};

/// An entry that a committed transaction has made stale, and when the transaction wrote so.
pub(super) type StaleEntry = (String, DateTime<Utc>);

/// Deletes rows that the writer of a token has written about an entry that it has invalidated by itself: token and entry at the
/// same place of both lists. What a transaction has changed beside stays for the relay.
pub(crate) async fn delete_own(executor: impl PgExecutor<'_>, tokens: &[Vec<u8>], entries: &[String]) -> Result<()> {
    sqlx::query(
        "DELETE FROM invalidation_outbox AS o USING unnest($1::bytea[], $2::text[]) AS done (token, cell)
         WHERE o.token = done.token AND o.cell = done.cell",
    )
    .bind(tokens)
    .bind(entries)
    .execute(executor)
    .await?;
    Ok(())
}

/// Deletes up to `rows` rows that are older than `age`, the oldest first, and gives them. What another relay has in hand is
/// passed over. To be rolled back when they cannot be applied.
pub(crate) async fn take_due(executor: impl PgExecutor<'_>, age: Duration, rows: i64) -> Result<Vec<StaleEntry>> {
    sqlx::query_as(
        "DELETE FROM invalidation_outbox WHERE id IN (
             SELECT id FROM invalidation_outbox WHERE created_at < clock_timestamp() - make_interval(secs => $1)
             ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
         ) RETURNING cell, created_at",
    )
    .bind(age.as_secs_f64())
    .bind(rows)
    .fetch_all(executor)
    .await
}

/// Those of these entries that the outbox names: their invalidation is pending.
pub(crate) async fn list_pending(executor: impl PgExecutor<'_>, entries: &[String]) -> Result<Vec<String>> {
    sqlx::query_scalar("SELECT DISTINCT cell FROM invalidation_outbox WHERE cell = ANY($1)")
        .bind(entries)
        .fetch_all(executor)
        .await
}

/// The greatest id in the outbox, if there is any row.
pub(crate) async fn find_newest(executor: impl PgExecutor<'_>) -> Result<Option<i64>> {
    let newest = "SELECT max(id) FROM invalidation_outbox WHERE (SELECT pg_current_wal_insert_lsn()) IS NOT NULL";
    sqlx::query_scalar(newest).fetch_one(executor).await
}

/// Whether any row up to this id is left.
pub(crate) async fn has_rows_up_to(executor: impl PgExecutor<'_>, id: i64) -> Result<bool> {
    let rows = "SELECT EXISTS (SELECT FROM invalidation_outbox
                               WHERE id <= $1 AND (SELECT pg_current_wal_insert_lsn()) IS NOT NULL)";
    sqlx::query_scalar(rows).bind(id).fetch_one(executor).await
}
