//! Statements about sessions. A token is only ever known here by its SHA-256.

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, Result};
use uuid::Uuid;

use crate::domain::{SessionId, UserAgent, UserId};

/// A session's row, without the hash of its token.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Names the session to its owner.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, up to a minute ago.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends unless it is used.
    pub idle_expires_at: DateTime<Utc>,
    /// When it ends in any case.
    pub expires_at: DateTime<Utc>,
    /// The client's address at sign-in.
    pub address: String,
    /// What the client called itself at sign-in.
    pub user_agent: Option<UserAgent>,
}

/// What a request needs to know of its session.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// Of the token.
    pub token_hash: Vec<u8>,
    /// Names the session.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When it was last used.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends unless it is used.
    pub idle_expires_at: DateTime<Utc>,
    /// When it ends in any case.
    pub expires_at: DateTime<Utc>,
}

/// A use of a session, to be written back.
#[derive(Clone, Copy, Debug)]
pub struct SessionUse {
    /// Which session.
    pub id: SessionId,
    /// When it was used.
    pub at: DateTime<Utc>,
}

/// Inserts a session.
///
/// # Errors
///
/// The constraint `sessions_user_id_fkey` when the user is gone.
pub async fn insert_session(executor: impl PgExecutor<'_>, session: &SessionRow, token_hash: &[u8]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO sessions (id, user_id, token_hash, created_at, last_seen_at, idle_expires_at, expires_at, address,
                               user_agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        session.id as _,
        session.user_id as _,
        token_hash,
        session.created_at,
        session.last_seen_at,
        session.idle_expires_at,
        session.expires_at,
        session.address,
        session.user_agent.as_ref().map(UserAgent::as_str),
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Those sessions of these token hashes that live by the server's clock, in no order. What is found goes to all replicas, so
/// the clock of none of them decides.
pub async fn find_live_sessions(executor: impl PgExecutor<'_>, token_hashes: &[Vec<u8>]) -> Result<Vec<LiveSession>> {
    sqlx::query_as!(
        LiveSession,
        r#"SELECT token_hash, id AS "id: SessionId", user_id AS "user_id: UserId", last_seen_at, idle_expires_at,
                  expires_at
           FROM sessions WHERE token_hash = ANY((SELECT $1::bytea[])::bytea[])
             AND idle_expires_at > clock_timestamp() AND (SELECT pg_current_wal_insert_lsn()) IS NOT NULL"#,
        token_hashes,
    )
    .fetch_all(executor)
    .await
}

/// A user's sessions that live at `now`, newest first. At most a hundred.
pub async fn list_sessions(
    executor: impl PgExecutor<'_>,
    user: UserId,
    before: Uuid,
    now: DateTime<Utc>,
    rows: i64,
) -> Result<Vec<SessionRow>> {
    sqlx::query_as!(
        SessionRow,
        r#"SELECT id AS "id: SessionId", user_id AS "user_id: UserId", created_at, last_seen_at, idle_expires_at,
                  expires_at, address, user_agent AS "user_agent: UserAgent"
           FROM sessions WHERE user_id = $1 AND id < $2 AND idle_expires_at > $3 ORDER BY id DESC LIMIT $4"#,
        user as _,
        before,
        now,
        rows,
    )
    .fetch_all(executor)
    .await
}

/// Deletes one session of `user`; gives its token hash, or `None` when there is no such session of that user.
pub async fn delete_session(executor: impl PgExecutor<'_>, user: UserId, id: SessionId) -> Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("DELETE FROM sessions WHERE id = $1 AND user_id = $2 RETURNING token_hash", id as _, user as _)
        .fetch_optional(executor)
        .await
}

/// Deletes all sessions of `user` but `keep`; gives their token hashes.
pub async fn delete_sessions(
    executor: impl PgExecutor<'_>,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        "DELETE FROM sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2 RETURNING token_hash",
        user as _,
        keep as _,
    )
    .fetch_all(executor)
    .await
}

/// Deletes those sessions of `user` that are over by the server's clock, and the oldest others beyond the newest `keep`;
/// gives their token hashes.
pub async fn delete_surplus_sessions(executor: impl PgExecutor<'_>, user: UserId, keep: i64) -> Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        "DELETE FROM sessions WHERE user_id = $1 AND id NOT IN (
             SELECT id FROM sessions WHERE user_id = $1 AND idle_expires_at > clock_timestamp() ORDER BY id DESC LIMIT $2
         ) RETURNING token_hash",
        user as _,
        keep,
    )
    .fetch_all(executor)
    .await
}

/// Moves sessions on that were used, all in one statement. A use never moves a session back, nor beyond its absolute end.
pub async fn touch_sessions(executor: impl PgExecutor<'_>, uses: &[SessionUse], idle_seconds: f64) -> Result<()> {
    let ids: Vec<Uuid> = uses.iter().map(|used| used.id.0).collect();
    let times: Vec<DateTime<Utc>> = uses.iter().map(|used| used.at).collect();
    sqlx::query!(
        "UPDATE sessions AS s
         SET last_seen_at = used.at, idle_expires_at = least(used.at + make_interval(secs => $3), s.expires_at)
         FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)
         WHERE s.id = used.id AND s.last_seen_at < used.at",
        &ids,
        &times,
        idle_seconds,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Deletes up to `rows` sessions that are over by the server's clock; gives how many there were.
///
/// Ids are UUIDv7, so the primary key finds the old ones without an index on their ends: looks at those below
/// `began_before` only.
pub async fn delete_expired_sessions(executor: impl PgExecutor<'_>, began_before: Uuid, rows: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM sessions WHERE id IN (
             SELECT id FROM sessions WHERE id < $1 AND expires_at <= clock_timestamp() ORDER BY id LIMIT $2
             FOR UPDATE SKIP LOCKED
         )",
        began_before,
        rows,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}
