//! Connections to the writable primary, and to no other server: each is told what it does not take from the server's
//! defaults, and asked whether its server takes writes.
//!
//! A standby answers every question, and shows old rows: a load from it would put them into the shared cache. So what a
//! connection answers does not matter until it has said that it leads to the writable primary.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, Error, Executor, PgConnection, Row};

use super::{connector::Connector, error::Refusal, health::Health};
use crate::config::DatabaseConfig;

/// What tells a writable primary from others.
const QUESTION: &str = "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool";

/// The one server of a database that takes writes, and how to connect to it.
#[derive(Debug)]
pub(super) struct Primary {
    connector: Connector,
    settings: String,
    health: Arc<Health>,
    /// As `server_version_num` has it; 0 until the first connection was made.
    server_version: AtomicU32,
}

impl Primary {
    pub(super) fn new(config: &DatabaseConfig, health: Arc<Health>) -> Self {
        let set = |(name, value): &(_, _)| format!("SET {name} = {value}; ");
        let settings = session_settings(config).iter().map(set).collect();
        Self { connector: Connector::for_requests(config), settings, health, server_version: AtomicU32::default() }
    }

    /// A connection to the writable primary, in one round trip more than it takes to connect.
    ///
    /// # Errors
    ///
    /// [`Refusal`] within an [`Error::Io`], when the server that answers is another.
    pub(super) async fn connect(&self) -> Result<PgConnection, Error> {
        let mut connection = self.connector.connect().await?;
        self.server_version.store(connection.server_version_num().unwrap_or_default(), Ordering::Relaxed);
        self.ask(&mut connection, &self.settings).await?;
        Ok(connection)
    }

    /// Asks a connection again whether it leads to the writable primary: the server behind it may have become another.
    pub(super) async fn confirm(&self, connection: &mut PgConnection) -> Result<(), Error> {
        self.ask(connection, "").await
    }

    async fn ask(&self, connection: &mut PgConnection, settings: &str) -> Result<(), Error> {
        // Not prepared: it is the same round trip for the settings, and leaves nothing in the session.
        let answer = connection.fetch_one(AssertSqlSafe(format!("{settings}{QUESTION}"))).await?;
        let (is_standby, is_read_only) = (answer.try_get(0)?, answer.try_get(1)?);
        let refusal = match (is_standby, is_read_only) {
            (true, _) => Refusal::Standby,
            (_, true) => Refusal::ReadOnly,
            _writable => return Ok(()),
        };
        self.health.note_refusal(refusal);
        Err(Error::Io(io::Error::other(refusal)))
    }

    /// The host and port, for log lines.
    pub(super) fn address(&self) -> &str {
        self.connector.address()
    }

    /// As `server_version_num` has it; 0 until the first connection was made.
    pub(super) fn server_version(&self) -> u32 {
        self.server_version.load(Ordering::Relaxed)
    }
}

/// What the statements of this service need, whatever the server, the database or the role has as its default. A setting
/// of a role that changes what is read, or ends what should go on, is a fault nobody finds.
fn session_settings(config: &DatabaseConfig) -> [(&'static str, String); 5] {
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    [
        ("statement_timeout", milliseconds(config.statement_timeout)),
        ("lock_timeout", milliseconds(config.lock_timeout)),
        ("idle_session_timeout", "0".to_owned()),
        ("default_transaction_isolation", "'read committed'".to_owned()),
        // A ROLLBACK for a caller who went away before its BEGIN arrived is answered with a warning.
        ("client_min_messages", "error".to_owned()),
    ]
}
