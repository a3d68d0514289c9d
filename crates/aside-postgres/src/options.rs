//! How Postgres is reached, and how long it may take.

use std::time::Duration;

use sqlx::migrate::Migrator;

use super::url::DatabaseUrl;

/// Settings of a [`Database`](super::Database).
#[derive(Clone, Debug)]
pub struct Options {
    /// The address, with the credentials.
    pub url: DatabaseUrl,
    /// The schema of the tables; set on every connection.
    pub schema: String,
    /// What brings the schema up to date, and what of it must have been run for the schema to be usable.
    pub migrations: Option<&'static Migrator>,
    /// Tables that this role must be able to read and write for the schema to be usable.
    pub tables: &'static [&'static str],
    /// Size of the pool.
    pub max_connections: u32,
    /// The longest wait for a connection out of the pool, connecting included.
    pub acquire_timeout: Duration,
    /// The longest that one statement takes, enforced by the server.
    pub statement_timeout: Duration,
    /// The longest wait for a lock in a write transaction, enforced by the server. A read waits a fifth of it.
    pub lock_timeout: Duration,
    /// A writing transaction from BEGIN to the reply to COMMIT; also its longest silence. Below the life of a write fence.
    pub transaction_timeout: Duration,
    /// Permits for requests that read, and as many for requests that write, so that each leave connections for the other.
    pub max_loads: usize,
    /// How long a request waits for permits before it is refused, all its waits together. A queue that has not been empty for
    /// so long is overloaded.
    pub queue_timeout: Duration,
    /// A Postgres that has answered nothing for so long is down.
    pub probe_timeout: Duration,
}

impl Options {
    /// The usual settings for this URL: the schema `public`, 16 connections, 1 s for a connection, a permit and a probe, 5 s
    /// for a statement, 2 s for a lock, 8 s for a transaction; no migrations and no tables.
    #[must_use]
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            schema: "public".to_owned(),
            migrations: None,
            tables: &[],
            max_connections: 16,
            acquire_timeout: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            transaction_timeout: Duration::from_secs(8),
            max_loads: 12,
            queue_timeout: Duration::from_secs(1),
            probe_timeout: Duration::from_secs(1),
        }
    }
}
