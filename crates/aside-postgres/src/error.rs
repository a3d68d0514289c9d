//! What can go wrong on the way to Postgres.

use std::{error::Error, fmt, io};

use sqlx::{error::ErrorKind, migrate::MigrateError, postgres::PgDatabaseError};

use super::admission::Overloaded;

/// Why a statement gave no result.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A named constraint was violated.
    #[error("constraint {name} refused the statement")]
    Constraint {
        /// Its name in the migrations.
        name: String,
        /// What Postgres said.
        #[source]
        source: PlainError,
    },
    /// Postgres is out of reach, has no connection left, shuts down, or gave no answer in time. Worth another try.
    #[error("postgres is out of reach")]
    Unavailable(#[source] PlainError),
    /// The circuit breaker is open: Postgres was not asked, or will not answer any more.
    #[error("postgres is down")]
    Down,
    /// Too many are at Postgres already; this one was shed.
    #[error("postgres is overloaded")]
    Overloaded(#[from] Overloaded),
    /// No answer came within the client's own deadline.
    #[error("postgres gave no answer in time")]
    TimedOut,
    /// Another transaction was in the way: a lock or a statement took too long, a deadlock was broken up.
    #[error("another transaction was in the way")]
    Contended(#[source] PlainError),
    /// A table, a column or a right on them is missing.
    #[error("the schema cannot be used")]
    SchemaUnusable(#[source] PlainError),
    /// Anything else is a defect of ours.
    #[error("statement failed")]
    Failed(#[source] PlainError),
}

impl DatabaseError {
    /// Whether this is the violation of the constraint called `name`.
    #[must_use]
    pub fn is_constraint(&self, name: &str) -> bool {
        matches!(self, Self::Constraint { name: violated, .. } if violated == name)
    }

    /// Whether the same request may well succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Constraint { .. } | Self::Failed(_))
    }
}

/// Why a server that answers is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It replays another server's changes, late.
    #[error("it is a standby; DATABASE_URL must lead to the primary")]
    Standby,
    /// An operator has taken writes away from it.
    #[error("its default_transaction_read_only is on")]
    ReadOnly,
    /// What one client prepares is run by another.
    #[error(
        "a pooler on the way mixes up the prepared statements of its clients; use PgBouncer 1.21 or newer with \
         max_prepared_statements above 0, or session mode, or none"
    )]
    MixesStatements,
}

impl From<Refusal> for sqlx::Error {
    fn from(refusal: Refusal) -> Self {
        Self::Io(io::Error::other(refusal))
    }
}

/// Why the server that answered is not used, if that is what the error says.
pub(crate) fn refusal(error: &sqlx::Error) -> Option<Refusal> {
    let sqlx::Error::Io(error) = error else { return None };
    error.get_ref()?.downcast_ref().copied()
}

/// Codes of a transaction in the way: `lock_not_available`, `query_canceled` (our statement timeout), `deadlock_detected`,
/// `serialization_failure`.
const CONTENDED: [&str; 4] = ["55P03", "57014", "40P01", "40001"];

/// Codes of tables that are not there yet, or not for this role: `undefined_table`, `undefined_column`,
/// `insufficient_privilege`, `invalid_schema_name`.
const SCHEMA_UNUSABLE: [&str; 4] = ["42P01", "42703", "42501", "3F000"];

/// Classes and codes of a server that cannot serve now: insufficient resources, a transaction ended by its own time-out or
/// by an error before.
const UNAVAILABLE: [&str; 4] = ["53", "25P02", "25P03", "25P04"];

/// Classes and codes that say something of the connection and nothing of the statement, so the connection is not used again:
/// connection exceptions, shutting down or starting up, a server that takes no writes (25006) or is a standby (55000, of what
/// only a primary can be asked), a statement name that is taken (42P05).
const FAULTS_OF_THE_CONNECTION: [&str; 5] = ["08", "57P", "25006", "55000", "42P05"];

/// Codes of prepared statements that the connection has and the server has no more: a table has other columns since (0A000),
/// or a pooler or a `DISCARD` has dropped them (26000).
const OUTDATED_STATEMENTS: [&str; 2] = ["0A000", "26000"];

/// Whether nothing was executed since what the connection has prepared is outdated. Prepared again, it works.
pub(crate) fn is_outdated_statement(error: &sqlx::Error) -> bool {
    has_code(error, &OUTDATED_STATEMENTS)
}

/// Whether the error says that this connection is of no use any more.
pub(crate) fn is_fault_of_the_connection(error: &sqlx::Error) -> bool {
    let no_reply = matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_));
    no_reply || is_outdated_statement(error) || has_code(error, &FAULTS_OF_THE_CONNECTION)
}

/// Codes by which a SELECT without parameters turns out to be another statement: there is none of its name (26000), or one
/// before it is prepared (42P05), or one of other parameters (08P01, 22P03), or one that writes (25006).
const OF_ANOTHER_STATEMENT: [&str; 5] = ["26000", "42P05", "08P01", "22P03", "25006"];

/// Whether the error says that another statement than one's own was run.
pub(crate) fn is_of_another_statement(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnIndexOutOfBounds { .. } | sqlx::Error::RowNotFound => {
            true
        }
        sqlx::Error::Database(refusal) => {
            // PgBouncer gives 08P01 to all errors of its own, and names no routine of the server in them.
            let is_of_server = refusal.downcast_ref::<PgDatabaseError>().routine().is_some();
            is_of_server && has_code(error, &OF_ANOTHER_STATEMENT)
        }
        _other => false,
    }
}

fn has_code(error: &sqlx::Error, starts: &[&str]) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| starts.iter().any(|start| code.starts_with(start)))
}

/// What sqlx says, in [`plain_text`].
#[derive(Debug)]
pub struct PlainError(sqlx::Error);

impl fmt::Display for PlainError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&plain_text(&self.0))
    }
}

impl Error for PlainError {}

/// What an error says, without the line of the server's source that sqlx adds to what a server says, and with its SQLSTATE.
#[must_use]
pub fn plain_text(error: &(dyn Error + 'static)) -> String {
    if let Some(refusal) = error.downcast_ref::<PgDatabaseError>() {
        return format!("{} (SQLSTATE {})", refusal.message(), refusal.code());
    }
    match error.downcast_ref::<sqlx::Error>() {
        Some(sqlx::Error::Database(refusal)) => return plain_text(refusal.as_error()),
        Some(sqlx::Error::Io(cause)) => return cause.to_string(),
        _other => {}
    }
    match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Execute(cause)) => plain_text(cause),
        Some(MigrateError::ExecuteMigration(cause, version)) => format!("migration {version}: {}", plain_text(cause)),
        _other => error.to_string(),
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(refusal) = &error else {
            return match &error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed
                | sqlx::Error::Protocol(_) => Self::Unavailable(PlainError(error)),
                _ => Self::Failed(PlainError(error)),
            };
        };
        if refusal.kind() != ErrorKind::Other
            && let Some(name) = refusal.constraint()
        {
            return Self::Constraint { name: name.to_owned(), source: PlainError(error) };
        }
        let code = refusal.code().unwrap_or_default();
        if CONTENDED.contains(&code.as_ref()) {
            Self::Contended(PlainError(error))
        } else if SCHEMA_UNUSABLE.contains(&code.as_ref()) {
            Self::SchemaUnusable(PlainError(error))
        } else if has_code(&error, &UNAVAILABLE) || is_fault_of_the_connection(&error) {
            Self::Unavailable(PlainError(error))
        } else {
            Self::Failed(PlainError(error))
        }
    }
}
