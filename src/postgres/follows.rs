//! Statements about who follows whom.

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, Result};
use uuid::Uuid;

use crate::domain::{Bio, DisplayName, User, UserId, Username};

/// A user in a list of followers or followees, and since when.
#[derive(Clone, Debug)]
pub struct FollowEntry {
    /// Who.
    pub user: User,
    /// Since when.
    pub since: DateTime<Utc>,
}

struct FollowRow {
    id: UserId,
    username: Username,
    display_name: DisplayName,
    bio: Option<Bio>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    since: DateTime<Utc>,
}

impl From<FollowRow> for FollowEntry {
    fn from(row: FollowRow) -> Self {
        let FollowRow { id, username, display_name, bio, version, created_at, updated_at, since } = row;
        Self { user: User { id, username, display_name, bio, version, created_at, updated_at }, since }
    }
}

/// Inserts a follow; false when it was there already, and when there is no such followee. A followee cannot be deleted before
/// the transaction has ended.
pub async fn insert_follow(
    executor: impl PgExecutor<'_>,
    follower: UserId,
    followee: UserId,
    at: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "WITH followee AS (SELECT id FROM users WHERE id = $2 FOR KEY SHARE)
         INSERT INTO follows (follower_id, followee_id, created_at) SELECT $1, id, $3 FROM followee
         ON CONFLICT ON CONSTRAINT follows_pkey DO NOTHING",
        follower as _,
        followee as _,
        at,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a follow; false when there was none.
pub async fn delete_follow(executor: impl PgExecutor<'_>, follower: UserId, followee: UserId) -> Result<bool> {
    let done =
        sqlx::query!("DELETE FROM follows WHERE follower_id = $1 AND followee_id = $2", follower as _, followee as _)
            .execute(executor)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// How many users that exist `follower` follows.
pub async fn count_follows(executor: impl PgExecutor<'_>, follower: UserId) -> Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM follows
           WHERE follower_id = $1 AND followee_id NOT IN (SELECT user_id FROM account_deletions)"#,
        follower as _,
    )
    .fetch_one(executor)
    .await
}

/// Whom each of `followers` follows; a user who follows none is left out.
pub async fn list_followees(executor: impl PgExecutor<'_>, followers: &[Uuid]) -> Result<Vec<(UserId, Vec<Uuid>)>> {
    let rows = sqlx::query!(
        r#"SELECT follower_id AS "follower: UserId", array_agg(followee_id) AS "followees!"
           FROM follows
           WHERE follower_id = ANY((SELECT $1::uuid[])::uuid[]) AND (SELECT pg_current_wal_insert_lsn()) IS NOT NULL
           GROUP BY follower_id"#,
        followers,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| (row.follower, row.followees)).collect())
}

/// Who follows `followee`, the latest first: up to `rows` before this moment and id.
pub async fn list_followers(
    executor: impl PgExecutor<'_>,
    followee: UserId,
    before: (DateTime<Utc>, Uuid),
    rows: i64,
) -> Result<Vec<FollowEntry>> {
    let rows = sqlx::query_as!(
        FollowRow,
        r#"SELECT u.id AS "id: UserId", u.username AS "username: Username",
                  u.display_name AS "display_name: DisplayName", u.bio AS "bio: Bio", u.version, u.created_at,
                  u.updated_at, f.created_at AS since
           FROM follows f JOIN users u ON u.id = f.follower_id
           WHERE f.followee_id = $1 AND f.followee_id NOT IN (SELECT user_id FROM account_deletions)
             AND (f.created_at, f.follower_id) < ($2, $3)
           ORDER BY f.created_at DESC, f.follower_id DESC LIMIT $4"#,
        followee as _,
        before.0,
        before.1,
        rows,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(FollowEntry::from).collect())
}

/// Whom `follower` follows, the latest first: up to `rows` before this moment and id. At most 2,000 rows are sorted.
pub async fn list_following(
    executor: impl PgExecutor<'_>,
    follower: UserId,
    before: (DateTime<Utc>, Uuid),
    rows: i64,
) -> Result<Vec<FollowEntry>> {
    let rows = sqlx::query_as!(
        FollowRow,
        r#"SELECT u.id AS "id: UserId", u.username AS "username: Username",
                  u.display_name AS "display_name: DisplayName", u.bio AS "bio: Bio", u.version, u.created_at,
                  u.updated_at, f.created_at AS since
           FROM follows f JOIN users u ON u.id = f.followee_id
           WHERE f.follower_id = $1 AND f.follower_id NOT IN (SELECT user_id FROM account_deletions)
             AND (f.created_at, f.followee_id) < ($2, $3)
           ORDER BY f.created_at DESC, f.followee_id DESC LIMIT $4"#,
        follower as _,
        before.0,
        before.1,
        rows,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(FollowEntry::from).collect())
}
