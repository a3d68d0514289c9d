//! Rows written past the application, before it has looked: many users, sessions, posts and follows at little cost.

use aside::{auth::SessionToken, domain::SessionId};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use crate::application::Backend;

/// The tables of a test.
pub(super) struct Rows {
    /// The test's own connections.
    pub(super) pool: PgPool,
}

impl Rows {
    /// The tables behind this backend; it has started a replica, or there are none.
    pub(super) async fn of(backend: &Backend) -> Self {
        Self { pool: backend.database.pool().await }
    }

    /// Users nobody can sign in as.
    pub(super) async fn insert_users(&self, count: usize) -> Vec<Uuid> {
        let ids: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
        sqlx::query(
            "INSERT INTO users (id, username, display_name, password_hash, created_at, updated_at)
             SELECT id, 'u_' || right(replace(id::text, '-', ''), 24), 'User', 'none', now(), now()
             FROM unnest($1::uuid[]) AS id",
        )
        .bind(&ids)
        .execute(&self.pool)
        .await
        .expect("users");
        ids
    }

    /// A session of `user`; its token.
    pub(super) async fn insert_session(&self, user: Uuid, created_at: DateTime<Utc>) -> String {
        let token = SessionToken::generate();
        sqlx::query(
            "INSERT INTO sessions (id, user_id, token_hash, created_at, last_seen_at, idle_expires_at, expires_at, address)
             VALUES ($1, $2, $3, $4, $4, $5, $5, '192.0.2.7')",
        )
        .bind(SessionId::new().0)
        .bind(user)
        .bind(token.hash().as_bytes().as_slice())
        .bind(created_at)
        .bind(created_at + TimeDelta::hours(24))
        .execute(&self.pool)
        .await
        .expect("a session");
        token.expose().to_owned()
    }

    /// A post for each of these authors, in this order.
    pub(super) async fn insert_posts(&self, authors: &[Uuid]) -> Vec<Uuid> {
        let ids: Vec<Uuid> = authors.iter().map(|_| Uuid::now_v7()).collect();
        sqlx::query(
            "INSERT INTO posts (id, author_id, body, created_at, updated_at)
             SELECT id, author, 'post ' || id, now(), now() FROM unnest($1::uuid[], $2::uuid[]) AS t (id, author)",
        )
        .bind(&ids)
        .bind(authors)
        .execute(&self.pool)
        .await
        .expect("posts");
        ids
    }

    /// These follows (follower, followee), each three of them a microsecond after those before.
    pub(super) async fn insert_follows(&self, follows: &[(Uuid, Uuid)]) {
        let (followers, followees): (Vec<Uuid>, Vec<Uuid>) = follows.iter().copied().unzip();
        sqlx::query(
            "INSERT INTO follows (follower_id, followee_id, created_at)
             SELECT follower, followee, now() + (number / 3) * interval '1 microsecond'
             FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS t (follower, followee, number)",
        )
        .bind(&followers)
        .bind(&followees)
        .execute(&self.pool)
        .await
        .expect("follows");
    }

    /// A single column of ids.
    pub(super) async fn ids(&self, statement: &'static str, parameter: Option<Uuid>) -> Vec<String> {
        let query = sqlx::query_scalar::<_, Uuid>(statement);
        let query = match parameter {
            Some(parameter) => query.bind(parameter),
            None => query,
        };
        let ids = query.fetch_all(&self.pool).await.expect("ids");
        ids.iter().map(Uuid::to_string).collect()
    }
}
