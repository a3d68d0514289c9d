//! A database of one's own, on a server that others may use.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use url::Url;

/// Dropped by [`drop_database`](Self::drop_database).
#[derive(Clone, Debug)]
pub struct ScratchDatabase {
    server: Url,
    url: Url,
    name: String,
}

impl ScratchDatabase {
    /// Creates one on this server, whose name begins with `prefix`.
    pub async fn create(server: &Url, prefix: &str) -> Result<Self> {
        let name = format!("{prefix}_{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff);
        let mut connection = PgConnection::connect(server.as_str()).await.context("DATABASE_URL cannot be reached")?;
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        let mut url = server.clone();
        url.set_path(&name);
        Ok(Self { server: server.clone(), url, name })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Drops it, whoever is connected.
    pub async fn drop_database(&self) -> Result<()> {
        let mut connection = PgConnection::connect(self.server.as_str()).await?;
        connection.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))).await?;
        Ok(())
    }
}
