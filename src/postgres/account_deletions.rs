//! Statements about accounts whose user is deleted and of which rows are left.
//!
//! No statement shows such rows: those that could leave them out by `account_deletions`, which is nearly always empty.

use sqlx::{PgConnection, Result};
use uuid::Uuid;

/// Deletes up to `rows` posts, and as many follows of each direction, of one account; gives false when no account is left to
/// this replica. The account is done when nothing was left of it.
pub async fn delete_batch(connection: &mut PgConnection, rows: i64) -> Result<bool> {
    let Some(user) = lock_pending(&mut *connection).await? else { return Ok(false) };
    let deleted = delete_posts(&mut *connection, user, rows).await?
        + delete_follows_of(&mut *connection, user, rows).await?
        + delete_follows_to(&mut *connection, user, rows).await?;
    if deleted == 0 {
        sqlx::query!("DELETE FROM account_deletions WHERE user_id = $1", user).execute(&mut *connection).await?;
    }
    Ok(true)
}

/// The oldest account that no other replica has in hand.
async fn lock_pending(connection: &mut PgConnection) -> Result<Option<Uuid>> {
    sqlx::query_scalar!("SELECT user_id FROM account_deletions ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED")
        .fetch_optional(connection)
        .await
}

/// The newest first: they are what lists would have to pass over.
async fn delete_posts(connection: &mut PgConnection, author: Uuid, rows: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM posts WHERE id IN (SELECT id FROM posts WHERE author_id = $1 ORDER BY id DESC LIMIT $2)",
        author,
        rows,
    );
    Ok(done.execute(connection).await?.rows_affected())
}

async fn delete_follows_of(connection: &mut PgConnection, follower: Uuid, rows: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM follows WHERE follower_id = $1
           AND followee_id IN (SELECT followee_id FROM follows WHERE follower_id = $1 LIMIT $2)",
        follower,
        rows,
    );
    Ok(done.execute(connection).await?.rows_affected())
}

async fn delete_follows_to(connection: &mut PgConnection, followee: Uuid, rows: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM follows WHERE followee_id = $1
           AND follower_id IN (SELECT follower_id FROM follows WHERE followee_id = $1 LIMIT $2)",
        followee,
        rows,
    );
    Ok(done.execute(connection).await?.rows_affected())
}
