//! The home pages straight from the tables: without the cache, and past the end of what it holds.

use sqlx::{PgExecutor, Result};
use uuid::Uuid;

use super::posts::AuthoredPostRow;
use crate::domain::{AuthoredPost, DisplayName, PostBody, PostId, UserId, Username};

/// The newest posts of those `viewer` follows and of the viewer: up to `rows` with an id below `before`.
///
/// Finds the newest ids of each author in the index `posts_author_id_idx` alone, and reads posts and authors only for the
/// few that win (`docs/query-plans.md`).
pub async fn list_home_of(
    executor: impl PgExecutor<'_>,
    viewer: UserId,
    before: Uuid,
    rows: i64,
) -> Result<Vec<AuthoredPost>> {
    let rows = sqlx::query_as!(
        AuthoredPostRow,
        r#"WITH newest AS MATERIALIZED (
               SELECT p.id
               FROM (
                   SELECT followee_id AS id FROM follows
                   WHERE follower_id = $1 AND followee_id NOT IN (SELECT user_id FROM account_deletions)
                   UNION ALL SELECT $1
               ) AS a
               CROSS JOIN LATERAL (
                   SELECT id FROM posts WHERE author_id = a.id AND id < $2 ORDER BY id DESC LIMIT $3
               ) AS p
               ORDER BY p.id DESC LIMIT $3
           )
           SELECT p.id AS "id: PostId", p.author_id AS "author_id: UserId", p.body AS "body: PostBody", p.version,
                  p.created_at, p.updated_at, u.username AS "username: Username",
                  u.display_name AS "display_name: DisplayName"
           FROM newest JOIN posts p USING (id) JOIN users u ON u.id = p.author_id
           ORDER BY p.id DESC"#,
        viewer as _,
        before,
        rows,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(AuthoredPost::from).collect())
}

/// The newest posts of all: up to `rows` with an id below `before`.
pub async fn list_home(executor: impl PgExecutor<'_>, before: Uuid, rows: i64) -> Result<Vec<AuthoredPost>> {
    let rows = sqlx::query_as!(
        AuthoredPostRow,
        r#"SELECT p.id AS "id: PostId", p.author_id AS "author_id: UserId", p.body AS "body: PostBody", p.version,
                  p.created_at, p.updated_at, u.username AS "username: Username",
                  u.display_name AS "display_name: DisplayName"
           FROM posts p JOIN users u ON u.id = p.author_id
           WHERE p.id < $1 ORDER BY p.id DESC LIMIT $2"#,
        before,
        rows,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(AuthoredPost::from).collect())
}
