//! A database for the run, on a server that others may use.

use anyhow::Result;
use aside_test_bed::ScratchDatabase;
use sqlx::{Connection, PgConnection, Row, postgres::PgConnectOptions};
use url::Url;
use uuid::Uuid;

/// What the checker's own connections call themselves, so that they are left alone.
const OWN: &str = "aside-checker";

/// Dropped by [`drop_database`](Self::drop_database).
#[derive(Clone, Debug)]
pub struct RunDatabase(ScratchDatabase);

/// The tables of the service that are looked at, as they are.
#[derive(Debug, Default)]
pub struct Rows {
    /// Id, version, display name, biography.
    pub users: Vec<(Uuid, i64, String, Option<String>)>,
    /// Id, author, version, body.
    pub posts: Vec<(Uuid, Uuid, i64, String)>,
    /// Ids of sessions.
    pub sessions: Vec<Uuid>,
    /// Follower and followee.
    pub follows: Vec<(Uuid, Uuid)>,
}

impl RunDatabase {
    /// Creates it on this server.
    pub async fn create(server: &Url) -> Result<Self> {
        Ok(Self(ScratchDatabase::create(server, "aside_test_checker").await?))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.0.url()
    }

    /// Drops it, whoever is connected.
    pub async fn drop_database(&self) -> Result<()> {
        self.0.drop_database().await
    }

    /// A connection past the service.
    pub async fn connect(&self) -> Result<PgConnection> {
        let options: PgConnectOptions = self.url().as_str().parse()?;
        Ok(PgConnection::connect_with(&options.application_name(OWN)).await?)
    }

    /// Ends up to so many sessions of the service, at random; gives how many.
    pub async fn kill_backends(&self, most: i64) -> Result<usize> {
        let kill = "SELECT pg_terminate_backend(pid) FROM (
                SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name <> $2
                ORDER BY random() LIMIT $1) AS chosen";
        Ok(sqlx::query(kill).bind(most).bind(OWN).fetch_all(&mut self.connect().await?).await?.len())
    }

    /// Whether nobody has a transaction open.
    pub async fn is_quiet(&self) -> Result<bool> {
        let busy = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name <> $1 AND state <> 'idle'";
        let busy: i64 = sqlx::query_scalar(busy).bind(OWN).fetch_one(&mut self.connect().await?).await?;
        Ok(busy == 0)
    }

    /// Changes a user's display name, as somebody would with `psql`; gives the version that made, if the user is there.
    pub async fn rename(&self, connection: &mut PgConnection, user: Uuid, name: &str) -> Result<Option<i64>> {
        let update = "UPDATE users SET display_name = $2, version = version + 1, updated_at = now() WHERE id = $1
            RETURNING version";
        Ok(sqlx::query_scalar(update).bind(user).bind(name).fetch_optional(connection).await?)
    }

    /// Everything, in one snapshot.
    pub async fn read_all(&self) -> Result<Rows> {
        let mut connection = self.connect().await?;
        let mut snapshot = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
        let mut rows = Rows::default();
        for row in sqlx::query("SELECT id, version, display_name, bio FROM users").fetch_all(&mut *snapshot).await? {
            rows.users.push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
        }
        for row in sqlx::query("SELECT id, author_id, version, body FROM posts").fetch_all(&mut *snapshot).await? {
            rows.posts.push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
        }
        for row in sqlx::query("SELECT id FROM sessions").fetch_all(&mut *snapshot).await? {
            rows.sessions.push(row.try_get(0)?);
        }
        for row in sqlx::query("SELECT follower_id, followee_id FROM follows").fetch_all(&mut *snapshot).await? {
            rows.follows.push((row.try_get(0)?, row.try_get(1)?));
        }
        Ok(rows)
    }
}
