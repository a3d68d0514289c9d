//! Writing transactions: bounded in time by the server itself, and honest about how they ended.

use std::{fmt::Write, time::Duration};

use aside_runtime::timings::{Waiting, waiting};
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time;

use super::{
    connection::Database,
    error::{DatabaseError, is_outdated_statement},
    pool::{ATTEMPTS, Pooled},
};

/// `transaction_timeout` came with PostgreSQL 17.
const HAS_TRANSACTION_TIMEOUT: u32 = 170_000;

/// A transaction that cannot outlive its deadlines, wherever its client is: each is enforced by the server. Dropped, it is
/// rolled back when its connection is given back.
#[derive(Debug)]
pub struct WriteTransaction {
    connection: Pooled,
    database: Database,
    begin: String,
}

/// Statements of a transaction. They are cloned: what was prepared before a table was altered fails once, and all of them are
/// executed again.
pub trait Statements<T>:
    for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Clone + Send
{
}

impl<T, F> Statements<T> for F where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Clone + Send
{
}

/// How a transaction ended, when it was not committed for certain.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing of it has happened.
    #[error("the transaction was rolled back")]
    RolledBack(#[source] DatabaseError),
    /// The reply to COMMIT did not come: it may have happened, and may still happen.
    #[error("the outcome of the transaction is unknown")]
    OutcomeUnknown,
}

impl Database {
    /// Begins a transaction, in one round trip with its deadlines and with these settings of its own. The server ends it when
    /// nothing is heard of it for `longest_pause`, or else for as long as the whole of it may last.
    pub async fn begin(
        &self,
        settings: &[(&str, &str)],
        longest_pause: Option<Duration>,
    ) -> Result<WriteTransaction, DatabaseError> {
        let connection = self.run(async {
            let mut connection = self.pool().acquire().await?;
            let begin = self.begin_statement(settings, longest_pause);
            match connection.execute(AssertSqlSafe(begin.clone())).await {
                Ok(_) => Ok((connection, begin)),
                Err(error) => {
                    connection.learn_from(&error);
                    Err(error)
                }
            }
        });
        let (connection, begin) = connection.await?;
        Ok(WriteTransaction { connection, database: self.clone(), begin })
    }

    /// Schema and deadlines are set for each transaction, so that they hold behind a pooler such as `PgBouncer` too.
    fn begin_statement(&self, settings: &[(&str, &str)], longest_pause: Option<Duration>) -> String {
        let config = &self.config;
        let longest_pause =
            longest_pause.map_or(config.transaction_timeout, |pause| pause.min(config.transaction_timeout));
        let timeouts = [
            ("idle_in_transaction_session_timeout", longest_pause),
            ("transaction_timeout", config.transaction_timeout),
        ];
        let known =
            if self.primary.server_version() >= HAS_TRANSACTION_TIMEOUT { timeouts.len() } else { timeouts.len() - 1 };
        let mut begin = self.primary.begin().to_owned();
        for (name, timeout) in &timeouts[..known] {
            write!(begin, "; SET LOCAL {name} = {}", timeout.as_millis()).expect("writing to a String does not fail");
        }
        for (name, value) in settings {
            let value = value.replace('\'', "''");
            write!(begin, "; SET LOCAL {name} = '{value}'").expect("writing to a String does not fail");
        }
        begin
    }
}

impl WriteTransaction {
    /// Executes its statements, within the time that the server lets it live. When one of them fails because a table was
    /// altered since it was prepared, nothing has happened: all are executed again, from BEGIN on.
    ///
    /// # Errors
    ///
    /// Of the first statement that failed; nothing of the transaction will happen then.
    pub async fn run<T>(&mut self, statements: impl Statements<T>) -> Result<T, DatabaseError> {
        let (database, timeout) = (self.database.clone(), self.timeout());
        // The server ends the transaction at the same deadline; this one ends the wait for a server that is gone.
        database.while_up(timeout, self.execute(statements)).await
    }

    async fn execute<T>(&mut self, statements: impl Statements<T>) -> Result<T, sqlx::Error> {
        for _ in 1..ATTEMPTS {
            match statements.clone()(&mut self.connection).await {
                Err(error) if is_outdated_statement(&error) => self.begin_again().await?,
                outcome => return self.learned(outcome),
            }
        }
        let outcome = statements(&mut self.connection).await;
        self.learned(outcome)
    }

    async fn begin_again(&mut self) -> Result<(), sqlx::Error> {
        self.connection.execute("ROLLBACK").await?;
        self.connection.clear_cached_statements().await?;
        self.connection.execute(AssertSqlSafe(self.begin.clone())).await?;
        Ok(())
    }

    fn learned<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        outcome.inspect_err(|error| self.connection.learn_from(error))
    }

    fn timeout(&self) -> Duration {
        self.database.config.transaction_timeout
    }

    /// Commits.
    ///
    /// # Errors
    ///
    /// Tells a transaction that has certainly not happened from one that may have: a lost connection, a missing reply and
    /// a server that ended the session while it committed leave that open. So does a server that goes down meanwhile.
    pub async fn commit(mut self) -> Result<(), CommitError> {
        let database = self.database.clone();
        if database.health.is_open() {
            // Never said, so it will not happen: the connection is closed.
            return Err(CommitError::RolledBack(DatabaseError::Down));
        }
        let _under_way = database.health.under_way();
        let commit = time::timeout(self.timeout(), waiting(Waiting::Db, self.connection.execute("COMMIT")));
        let reply = tokio::select! {
            biased;
            reply = commit => reply,
            () = database.health.opened() => return Err(CommitError::OutcomeUnknown),
        };
        let reply = reply.map(|reply| self.learned(reply));
        match reply {
            Ok(Ok(_)) => {
                self.connection.has_ended_transaction();
                Ok(())
            }
            Ok(Err(error)) if is_rolled_back(&error) => Err(CommitError::RolledBack(error.into())),
            Ok(Err(_)) | Err(_) => {
                database.health.suspect();
                Err(CommitError::OutcomeUnknown)
            }
        }
    }

    /// Rolls back. A failure needs no answer: the connection is cleaned, or closed, before its next use.
    pub async fn rollback(mut self) {
        let reply = tokio::select! {
            reply = time::timeout(self.timeout(), self.connection.execute("ROLLBACK")) => reply,
            () = self.database.health.opened() => return,
        };
        if matches!(reply, Ok(Ok(_))) {
            self.connection.has_ended_transaction();
        }
    }
}

/// Whether the reply to COMMIT says that the transaction was rolled back. A session that an administrator or a crash ended
/// (class 57) may have committed before it could say so; one that its own time-outs ended (25P03, 25P04) has not.
#[must_use]
pub fn is_rolled_back(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| !code.starts_with("57") && !code.starts_with("08"))
        }
        _no_reply => false,
    }
}
