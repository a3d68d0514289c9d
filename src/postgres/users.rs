//! Statements about users.

use sqlx::{PgExecutor, Result};
use uuid::Uuid;

use crate::domain::{Bio, DisplayName, User, UserId, Username};

/// What a sign-in is checked against.
#[derive(Debug)]
pub struct Credentials {
    /// Whose they are.
    pub user_id: UserId,
    /// A PHC string.
    pub password_hash: String,
    /// From where the user has signed in, as far as sessions are left: at most some hundred.
    pub addresses: Vec<String>,
}

/// Inserts a user.
///
/// # Errors
///
/// The constraint `users_username_key` when another user has the name, in whatever case.
pub async fn insert_user(executor: impl PgExecutor<'_>, user: &User, password_hash: &str) -> Result<()> {
    sqlx::query!(
        "INSERT INTO users (id, username, display_name, bio, password_hash, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        user.id as _,
        user.username.as_str(),
        user.display_name.as_str(),
        user.bio.as_ref().map(Bio::as_str),
        password_hash,
        user.version,
        user.created_at,
        user.updated_at,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Those of `ids` that exist, in no order.
pub async fn find_users(executor: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<User>> {
    sqlx::query_as!(
        User,
        r#"SELECT id AS "id: UserId", username AS "username: Username", display_name AS "display_name: DisplayName",
                  bio AS "bio: Bio", version, created_at, updated_at
           FROM users
           WHERE id = ANY((SELECT $1::uuid[])::uuid[]) AND (SELECT pg_current_wal_insert_lsn()) IS NOT NULL"#,
        ids,
    )
    .fetch_all(executor)
    .await
}

/// The user of this name, folded to lower case.
pub async fn find_user_by_name(executor: impl PgExecutor<'_>, folded: &str) -> Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"SELECT id AS "id: UserId", username AS "username: Username", display_name AS "display_name: DisplayName",
                  bio AS "bio: Bio", version, created_at, updated_at
           FROM users WHERE lower(username) = $1"#,
        folded,
    )
    .fetch_optional(executor)
    .await
}

/// Newest first: up to `rows` users with an id below `before`.
pub async fn list_users(executor: impl PgExecutor<'_>, before: Uuid, rows: i64) -> Result<Vec<User>> {
    sqlx::query_as!(
        User,
        r#"SELECT id AS "id: UserId", username AS "username: Username", display_name AS "display_name: DisplayName",
                  bio AS "bio: Bio", version, created_at, updated_at
           FROM users WHERE id < $1 ORDER BY id DESC LIMIT $2"#,
        before,
        rows,
    )
    .fetch_all(executor)
    .await
}

/// What a sign-in under this name, folded to lower case, is checked against.
pub async fn find_credentials(executor: impl PgExecutor<'_>, folded: &str) -> Result<Option<Credentials>> {
    sqlx::query_as!(
        Credentials,
        r#"SELECT id AS "user_id: UserId", password_hash,
                  ARRAY(SELECT DISTINCT address FROM sessions WHERE user_id = users.id) AS "addresses!"
           FROM users WHERE lower(username) = $1"#,
        folded,
    )
    .fetch_optional(executor)
    .await
}

/// A user's password hash.
pub async fn find_password_hash(executor: impl PgExecutor<'_>, id: UserId) -> Result<Option<String>> {
    sqlx::query_scalar!("SELECT password_hash FROM users WHERE id = $1", id as _).fetch_optional(executor).await
}

/// Locks a user's row for a change of the user or of what the user owns: follows, posts, sessions. Readers and foreign
/// keys pass; other changes wait.
pub async fn lock_user(executor: impl PgExecutor<'_>, id: UserId) -> Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"SELECT id AS "id: UserId", username AS "username: Username", display_name AS "display_name: DisplayName",
                  bio AS "bio: Bio", version, created_at, updated_at
           FROM users WHERE id = $1 FOR NO KEY UPDATE"#,
        id as _,
    )
    .fetch_optional(executor)
    .await
}

/// Locks a user's row for its deletion: no transaction can begin to refer to it.
pub async fn lock_user_for_deletion(executor: impl PgExecutor<'_>, id: UserId) -> Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"SELECT id AS "id: UserId", username AS "username: Username", display_name AS "display_name: DisplayName",
                  bio AS "bio: Bio", version, created_at, updated_at
           FROM users WHERE id = $1 FOR UPDATE"#,
        id as _,
    )
    .fetch_optional(executor)
    .await
}

/// Writes a locked user back. `password_hash` is left as it is when `None`.
pub async fn update_user(executor: impl PgExecutor<'_>, user: &User, password_hash: Option<&str>) -> Result<()> {
    sqlx::query!(
        "UPDATE users
         SET display_name = $2, bio = $3, password_hash = coalesce($4, password_hash), version = $5, updated_at = $6
         WHERE id = $1",
        user.id as _,
        user.display_name.as_str(),
        user.bio.as_ref().map(Bio::as_str),
        password_hash,
        user.version,
        user.updated_at,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Replaces a locked user's password hash by another one of the same password: nothing that is shown changes, nor the version.
pub async fn renew_password_hash(executor: impl PgExecutor<'_>, id: UserId, password_hash: &str) -> Result<()> {
    sqlx::query!("UPDATE users SET password_hash = $2 WHERE id = $1", id as _, password_hash).execute(executor).await?;
    Ok(())
}

/// Deletes a user, and sessions with the row. Posts and follows are hidden from then on, and go in batches
/// (`account_deletions`).
pub async fn delete_user(executor: impl PgExecutor<'_>, id: UserId) -> Result<()> {
    sqlx::query!("DELETE FROM users WHERE id = $1", id as _).execute(executor).await?;
    Ok(())
}

/// Whether there is any user at all.
pub async fn has_users(executor: impl PgExecutor<'_>) -> Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users) AS "exists!""#).fetch_one(executor).await
}
