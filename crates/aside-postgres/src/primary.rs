//! Connections to the writable primary, and to no other server: each is told what it does not take from the server's
//! defaults, and asked whether its server takes writes. The first is made when it is known what a pooler on the way does.
//!
//! A standby answers every question, and shows old rows: a load from it would put them into the shared cache. So what a
//! connection answers does not matter until it has said that it leads to the writable primary.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, Error, Executor, PgConnection, Row};
use tokio::sync::OnceCell;

use super::{
    connector::Connector,
    error::{Refusal, refusal},
    health::Health,
    options::Options,
    pooler::{Pooling, self_test},
};

/// How a transaction begins, whatever the server, the database or the role has as its default. Counts under a row lock, as
/// that of follows, are exact only when each statement sees what was committed before it. In lower case: what looks for
/// COMMIT in the traffic finds no other statement.
const BEGIN: &str = "BEGIN isolation level read committed read write";

/// What fraction of a write's lock time-out a statement outside a write transaction waits: 0.4 s by default. Together with
/// the wait for a permit (1 s), or for the loads of two other replicas that fail in the same way, a read of a locked table is
/// refused within 1.5 s. Writes wait for row locks, and need longer.
const SHARE_OF_READS: u32 = 5;

/// What tells a writable primary from others.
const QUESTION: &str = "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool";

/// The one server of a database that takes writes, and how to connect to it.
#[derive(Debug)]
pub(crate) struct Primary {
    connector: Connector,
    /// Sets what a session keeps.
    settings: String,
    /// Begins a transaction and sets what its statements rely on.
    begin: String,
    /// The same for a transaction of one statement, with the settings of a session.
    begin_single: String,
    health: Arc<Health>,
    /// Set once a self-test was passed.
    tested: OnceCell<()>,
    /// Whether any self-test has found [`Pooling::Transaction`].
    pools_transactions: AtomicBool,
    /// As `server_version_num` has it; 0 until the first connection was made.
    server_version: AtomicU32,
}

impl Primary {
    pub(crate) fn new(config: &Options, health: Arc<Health>) -> Self {
        let of_single = statement_settings(config, config.lock_timeout / SHARE_OF_READS);
        let set = |(name, value): &(_, String)| format!("SET {name} = {value}; ");
        let settings = of_single.iter().chain(&session_settings()).map(set).collect();
        Self {
            connector: Connector::for_requests(config),
            settings,
            begin: begin_statement(&statement_settings(config, config.lock_timeout)),
            begin_single: begin_statement(&of_single),
            health,
            tested: OnceCell::new(),
            pools_transactions: AtomicBool::default(),
            server_version: AtomicU32::default(),
        }
    }

    /// A connection to the writable primary, in one round trip more than it takes to connect, but for the first.
    ///
    /// # Errors
    ///
    /// [`Refusal`] within an [`Error::Io`], when the server that answers is another, or a pooler mixes statements up.
    pub(crate) async fn connect(&self) -> Result<PgConnection, Error> {
        self.tested.get_or_try_init(async || self.test().await.map(drop)).await?;
        self.set_up(self.connector.connect_as_it_is().await?).await
    }

    /// The same, after a self-test: what is on the way may be another than before.
    pub(crate) async fn connect_and_test(&self) -> Result<PgConnection, Error> {
        self.set_up(self.test().await?).await
    }

    async fn test(&self) -> Result<PgConnection, Error> {
        let tested = self_test(&self.connector).await;
        let (connection, pooling) = tested.inspect_err(|error| {
            if let Some(refusal) = refusal(error) {
                self.health.note_refusal(refusal);
            }
        })?;
        // By chance a busy pooler keeps sessions throughout a test, so what one test has seen stays true.
        self.pools_transactions.fetch_or(pooling == Pooling::Transaction, Ordering::Relaxed);
        Ok(connection)
    }

    async fn set_up(&self, mut connection: PgConnection) -> Result<PgConnection, Error> {
        self.server_version.store(connection.server_version_num().unwrap_or_default(), Ordering::Relaxed);
        // What is set for a session would be set for another client.
        let settings = if self.pools_transactions() { "" } else { &self.settings };
        self.ask(&mut connection, settings).await?;
        Ok(connection)
    }

    /// Whether a pooler lends a session for one transaction only.
    pub(crate) fn pools_transactions(&self) -> bool {
        self.pools_transactions.load(Ordering::Relaxed)
    }

    /// Begins a transaction and sets what its statements rely on: the schema and their time-outs.
    pub(crate) fn begin(&self) -> &str {
        &self.begin
    }

    /// Begins a transaction of one statement, where a pooler lends no session.
    pub(crate) fn begin_single(&self) -> &str {
        &self.begin_single
    }

    /// Asks a connection again whether it leads to the writable primary: the server behind it may have become another.
    pub(crate) async fn confirm(&self, connection: &mut PgConnection) -> Result<(), Error> {
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
        Err(refusal.into())
    }

    /// The host and port, for log lines.
    pub(crate) fn address(&self) -> &str {
        self.connector.address()
    }

    /// As `server_version_num` has it; 0 until the first connection was made.
    pub(crate) fn server_version(&self) -> u32 {
        self.server_version.load(Ordering::Relaxed)
    }
}

/// What each statement of this service needs, whatever the server, the database or the role has as its default. A setting
/// of a role that changes what is read, or ends what should go on, is a fault that is not found.
fn statement_settings(config: &Options, lock_timeout: Duration) -> [(&'static str, String); 3] {
    // 0 would be no bound at all.
    let milliseconds = |duration: Duration| duration.as_millis().max(1).to_string();
    [
        ("search_path", format!("\"{}\"", config.schema)),
        ("statement_timeout", milliseconds(config.statement_timeout)),
        ("lock_timeout", milliseconds(lock_timeout)),
    ]
}

/// Begins a transaction that sees what was committed before each of its statements, with these settings of its own. A value is
/// written as SQL has it.
#[must_use]
pub fn begin_statement(settings: &[(&str, String)]) -> String {
    let set_local = |(name, value): &(_, _)| format!("; SET LOCAL {name} = {value}");
    BEGIN.to_owned() + &settings.iter().map(set_local).collect::<String>()
}

/// What a session that is this service's alone is told too.
fn session_settings() -> [(&'static str, String); 3] {
    [
        ("idle_session_timeout", "0".to_owned()),
        ("default_transaction_isolation", "'read committed'".to_owned()),
        // A ROLLBACK for a caller who went away before its BEGIN arrived is answered with a warning.
        ("client_min_messages", "error".to_owned()),
    ]
}
