//! Statements about posts.

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, Result};
use uuid::Uuid;

use crate::domain::{AuthoredPost, DisplayName, Post, PostBody, PostId, UserId, UserSummary, Username};

/// Columns of an [`AuthoredPost`], which the checked macros can only give flat.
pub(super) struct AuthoredPostRow {
    pub(super) id: PostId,
    pub(super) author_id: UserId,
    pub(super) body: PostBody,
    pub(super) version: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) username: Username,
    pub(super) display_name: DisplayName,
}

impl From<AuthoredPostRow> for AuthoredPost {
    fn from(row: AuthoredPostRow) -> Self {
        let AuthoredPostRow { id, author_id, body, version, created_at, updated_at, .. } = row;
        let author = UserSummary { id: author_id, username: row.username, display_name: row.display_name };
        Self { id, body, version, created_at, updated_at, author }
    }
}

/// Inserts a post of an author whose row is locked: no constraint refuses a post without an author.
pub async fn insert_post(executor: impl PgExecutor<'_>, post: &Post) -> Result<()> {
    sqlx::query!(
        "INSERT INTO posts (id, author_id, body, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)",
        post.id as _,
        post.author_id as _,
        post.body.as_str(),
        post.version,
        post.created_at,
        post.updated_at,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Those of `ids` that exist, in no order.
pub async fn find_posts(executor: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<Post>> {
    sqlx::query_as!(
        Post,
        r#"SELECT id AS "id: PostId", author_id AS "author_id: UserId", body AS "body: PostBody", version, created_at,
                  updated_at
           FROM posts
           WHERE id = ANY((SELECT $1::uuid[])::uuid[]) AND (SELECT pg_current_wal_insert_lsn()) IS NOT NULL"#,
        ids,
    )
    .fetch_all(executor)
    .await
}

/// Who wrote a post.
pub async fn find_author(executor: impl PgExecutor<'_>, id: PostId) -> Result<Option<UserId>> {
    sqlx::query_scalar!(r#"SELECT author_id AS "author_id: UserId" FROM posts WHERE id = $1"#, id as _)
        .fetch_optional(executor)
        .await
}

/// Locks a post for its change or deletion. The author's row is locked before.
pub async fn lock_post(executor: impl PgExecutor<'_>, id: PostId) -> Result<Option<Post>> {
    sqlx::query_as!(
        Post,
        r#"SELECT id AS "id: PostId", author_id AS "author_id: UserId", body AS "body: PostBody", version, created_at,
                  updated_at
           FROM posts WHERE id = $1 FOR UPDATE"#,
        id as _,
    )
    .fetch_optional(executor)
    .await
}

/// Writes a locked post back.
pub async fn update_post(executor: impl PgExecutor<'_>, post: &Post) -> Result<()> {
    sqlx::query!(
        "UPDATE posts SET body = $2, version = $3, updated_at = $4 WHERE id = $1",
        post.id as _,
        post.body.as_str(),
        post.version,
        post.updated_at,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Deletes a post.
pub async fn delete_post(executor: impl PgExecutor<'_>, id: PostId) -> Result<()> {
    sqlx::query!("DELETE FROM posts WHERE id = $1", id as _).execute(executor).await?;
    Ok(())
}

/// An author's posts, newest first: up to `rows` with an id below `before`.
pub async fn list_posts_of(
    executor: impl PgExecutor<'_>,
    author: UserId,
    before: Uuid,
    rows: i64,
) -> Result<Vec<AuthoredPost>> {
    let rows = sqlx::query_as!(
        AuthoredPostRow,
        r#"SELECT p.id AS "id: PostId", p.author_id AS "author_id: UserId", p.body AS "body: PostBody", p.version,
                  p.created_at, p.updated_at, u.username AS "username: Username",
                  u.display_name AS "display_name: DisplayName"
           FROM posts p JOIN users u ON u.id = p.author_id
           WHERE p.author_id = $1 AND p.id < $2 ORDER BY p.id DESC LIMIT $3"#,
        author as _,
        before,
        rows,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(AuthoredPost::from).collect())
}

/// The ids of the newest posts of each of `authors`, newest first, up to `length` each.
pub async fn list_timelines(
    executor: impl PgExecutor<'_>,
    authors: &[Uuid],
    length: i64,
) -> Result<Vec<(UserId, Vec<Uuid>)>> {
    // A subquery for each author: joined to them and gathered again, its rows would be sorted first, which takes as long again.
    let rows = sqlx::query!(
        r#"SELECT a.id AS "author!: UserId",
                  ARRAY(
                      SELECT id FROM posts WHERE author_id = a.id AND a.id NOT IN (SELECT user_id FROM account_deletions)
                      ORDER BY id DESC LIMIT $2
                  ) AS "posts!"
           FROM unnest($1::uuid[]) AS a (id) WHERE (SELECT pg_current_wal_insert_lsn()) IS NOT NULL"#,
        authors,
        length,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| (row.author, row.posts)).collect())
}

/// Ids and authors of the newest posts of all.
pub async fn list_newest(executor: impl PgExecutor<'_>, length: i64) -> Result<Vec<(PostId, UserId)>> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: PostId", author_id AS "author_id: UserId" FROM posts
           WHERE author_id NOT IN (SELECT user_id FROM account_deletions)
             AND (SELECT pg_current_wal_insert_lsn()) IS NOT NULL ORDER BY id DESC LIMIT $1"#,
        length,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.author_id)).collect())
}
