//! PostgreSQL as the cache uses it: the caller's sqlx pool, or the pool of `aside-postgres`.

use std::{future::Future, time::Duration};

use aside_postgres::{
    Admission, CommitError, DatabaseError, Statements, WriteTransaction, admission::Permit, begin_statement,
    is_rolled_back,
};
use aside_runtime::timings::{Waiting, waiting};
use futures::{future::BoxFuture, stream::BoxStream};
use sqlx::{
    AssertSqlSafe, Describe, Either, Error, Execute, Executor, PgPool, Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::time;

/// Bounds of a transaction on sqlx's pool: together below the life of a write fence.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(8);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a request waits for a permit on sqlx's pool.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(1);
/// The wait for a reply of a server that says nothing.
const REPLY_TIMEOUT: Duration = Duration::from_secs(6);

/// The source of truth. Clones share the pool.
///
/// On [`aside_postgres::Database`] a standby is refused, a server that does not answer is found within a second, and abandoned
/// transactions are ended. On sqlx's pool the caller answers for that: its address has to lead to the primary, and a statement that
/// was prepared before its table was altered fails once.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    reads: Admission,
}

#[derive(Clone, Debug)]
enum Pool {
    Aside(aside_postgres::Database),
    Sqlx { pool: PgPool, writes: Admission },
}

impl From<aside_postgres::Database> for Database {
    fn from(database: aside_postgres::Database) -> Self {
        Self { reads: database.reads().clone(), pool: Pool::Aside(database) }
    }
}

impl From<PgPool> for Database {
    /// Three quarters of the connections at most are for loads, and as many for writes, so that each leave connections for the
    /// other.
    fn from(pool: PgPool) -> Self {
        let connections = usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX);
        let permits = (connections * 3 / 4).max(1);
        let (reads, writes) = [permits; 2].map(|permits| Admission::new(permits, QUEUE_TIMEOUT)).into();
        Self { pool: Pool::Sqlx { pool, writes }, reads }
    }
}

impl Database {
    /// Where loads wait for a permit.
    pub(crate) fn reads(&self) -> &Admission {
        &self.reads
    }

    /// Waits for a permit to write.
    pub(crate) async fn permit_to_write(&self) -> Result<Permit, DatabaseError> {
        match &self.pool {
            Pool::Aside(database) => database.permit_to_write().await,
            Pool::Sqlx { writes, .. } => Ok(waiting(Waiting::Db, writes.acquire()).await?),
        }
    }

    /// Executes a statement of the cache's own, under a deadline.
    pub(crate) async fn run<T>(&self, query: impl Future<Output = Result<T, Error>>) -> Result<T, DatabaseError> {
        match &self.pool {
            Pool::Aside(database) => database.run(query).await,
            Pool::Sqlx { .. } => within(REPLY_TIMEOUT, query).await,
        }
    }

    /// Names the database, whatever address leads to it: the identifier of its cluster, which a standby has in common with its
    /// primary, its oid, and the schema of its tables. A copy of the cluster's files has the same identifier.
    ///
    /// # Errors
    ///
    /// Also when the role may not execute `pg_control_system()`.
    pub async fn identity(&self) -> Result<String, DatabaseError> {
        let identity = sqlx::query_as(
            "SELECT concat_ws(' ', system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database())),
                    coalesce(current_schema()::text, '')
             FROM pg_control_system()",
        );
        let (cluster, found): (String, String) = self.run(identity.fetch_one(self)).await?;
        let schema = match &self.pool {
            // The sessions of a pooler may have another path.
            Pool::Aside(database) => database.schema(),
            Pool::Sqlx { .. } => &found,
        };
        Ok(format!("{cluster} {schema}"))
    }

    /// Begins a transaction with this token for its outbox rows. The server ends it when nothing is heard of it for
    /// `longest_pause`, or else for as long as the whole of it may last.
    pub(crate) async fn begin(
        &self,
        token: &str,
        longest_pause: Option<Duration>,
    ) -> Result<Transaction, DatabaseError> {
        match &self.pool {
            Pool::Aside(database) => {
                let begun = database.begin(&[("aside.token", token)], longest_pause).await?;
                Ok(Transaction(Begun::Aside(begun)))
            }
            Pool::Sqlx { pool, .. } => {
                let begun = within(REPLY_TIMEOUT, SqlxTransaction::begin(pool, token, longest_pause)).await?;
                Ok(Transaction(Begun::Sqlx(begun)))
            }
        }
    }
}

async fn within<T>(deadline: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, DatabaseError> {
    match time::timeout(deadline, waiting(Waiting::Db, work)).await {
        Ok(result) => Ok(result?),
        Err(_elapsed) => Err(DatabaseError::TimedOut),
    }
}

/// A writing transaction. Dropped, it is rolled back.
#[derive(Debug)]
pub(crate) struct Transaction(Begun);

#[derive(Debug)]
enum Begun {
    Aside(WriteTransaction),
    Sqlx(SqlxTransaction),
}

impl Transaction {
    /// Executes the statements.
    pub(crate) async fn run<T>(&mut self, statements: impl Statements<T>) -> Result<T, DatabaseError> {
        match &mut self.0 {
            Begun::Aside(transaction) => transaction.run(statements).await,
            Begun::Sqlx(transaction) => {
                within(TRANSACTION_TIMEOUT, statements(transaction.connection().as_mut())).await
            }
        }
    }

    /// Commits; an error tells a transaction that has certainly not happened from one that may have.
    pub(crate) async fn commit(self) -> Result<(), CommitError> {
        match self.0 {
            Begun::Aside(transaction) => transaction.commit().await,
            Begun::Sqlx(transaction) => transaction.commit().await,
        }
    }

    /// Rolls back. A failure needs no answer: the connection is cleaned, or closed.
    pub(crate) async fn rollback(self) {
        match self.0 {
            Begun::Aside(transaction) => transaction.rollback().await,
            Begun::Sqlx(transaction) => transaction.rollback().await,
        }
    }
}

/// A transaction on a connection of sqlx's pool. The connection goes back to the pool when the server has said that the
/// transaction is over, and is closed otherwise: the next borrower would write into it (launchbadge/sqlx #4394).
#[derive(Debug)]
struct SqlxTransaction {
    /// `None` once it is given back.
    connection: Option<PoolConnection<Postgres>>,
}

impl SqlxTransaction {
    async fn begin(pool: &PgPool, token: &str, longest_pause: Option<Duration>) -> Result<Self, Error> {
        let mut transaction = Self { connection: Some(pool.acquire().await?) };
        let longest_pause = longest_pause.map_or(TRANSACTION_TIMEOUT, |pause| pause.min(TRANSACTION_TIMEOUT));
        let milliseconds = |timeout: Duration| timeout.as_millis().to_string();
        let begin = begin_statement(&[
            ("statement_timeout", milliseconds(STATEMENT_TIMEOUT)),
            ("lock_timeout", milliseconds(LOCK_TIMEOUT)),
            ("idle_in_transaction_session_timeout", milliseconds(longest_pause)),
            ("aside.token", format!("'{token}'")),
        ]);
        transaction.connection().as_mut().execute(AssertSqlSafe(begin)).await?;
        Ok(transaction)
    }

    fn connection(&mut self) -> &mut PoolConnection<Postgres> {
        self.connection.as_mut().expect("it is given back by `commit` and `drop` alone")
    }

    async fn commit(mut self) -> Result<(), CommitError> {
        let commit = self.connection().as_mut().execute("COMMIT");
        match time::timeout(TRANSACTION_TIMEOUT, waiting(Waiting::Db, commit)).await {
            Ok(Ok(_)) => {
                drop(self.connection.take());
                Ok(())
            }
            Ok(Err(error)) if is_rolled_back(&error) => Err(CommitError::RolledBack(error.into())),
            Ok(Err(_)) | Err(_) => Err(CommitError::OutcomeUnknown),
        }
    }

    /// The relay ends each round without work so: the connection goes back to the pool.
    async fn rollback(mut self) {
        let rollback = self.connection().as_mut().execute("ROLLBACK");
        if within(TRANSACTION_TIMEOUT, rollback).await.is_ok() {
            drop(self.connection.take());
        }
    }
}

impl Drop for SqlxTransaction {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

/// Each statement on a connection of its own.
impl<'d> Executor<'d> for &'d Database {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'd: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match &self.pool {
            Pool::Aside(database) => database.pool().fetch_many(query),
            Pool::Sqlx { pool, .. } => pool.fetch_many(query),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'd: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match &self.pool {
            Pool::Aside(database) => database.pool().fetch_optional(query),
            Pool::Sqlx { pool, .. } => pool.fetch_optional(query),
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'd: 'e,
    {
        match &self.pool {
            Pool::Aside(database) => database.pool().prepare_with(sql, parameters),
            Pool::Sqlx { pool, .. } => pool.prepare_with(sql, parameters),
        }
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'd: 'e,
    {
        match &self.pool {
            Pool::Aside(database) => database.pool().describe(sql),
            Pool::Sqlx { pool, .. } => pool.describe(sql),
        }
    }
}
