//! The pool, and connections that are given back clean, and within a bound.
//!
//! Connections are `deadpool`'s to lend, not sqlx's own pool's, which asks every connection that is given back for a sign of
//! life: a round trip for each statement, without a time-out, in which it keeps the permit.
//!
//! A caller who goes away inside a statement leaves its answer unread; one who goes away inside a BEGIN leaves that on the
//! connection (in sqlx's own `begin` too, see launchbadge/sqlx #4394): the next borrower would write into that transaction,
//! and no COMMIT would come. So what may be open is ended before the connection is lent again, and a connection on
//! which it cannot be is closed. Where all was answered nothing is open, and the next borrower has it at once.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::Duration,
};

use deadpool::managed::{self, Object, PoolError, QueueMode};
use futures::{
    StreamExt, TryStreamExt,
    future::{BoxFuture, join_all},
    stream::{self, BoxStream},
};
use sqlx::{
    AssertSqlSafe, Connection, Describe, Either, Error, Execute, Executor, PgConnection, Postgres, SqlStr,
    postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::{runtime, time};

use super::{
    error::{is_fault_of_the_connection, is_outdated_statement},
    manager::{CHECK_TIMEOUT, Manager, is_alive},
};

/// How often what turns out to be prepared of old is tried. A table may be altered again between preparing and executing.
pub(crate) const ATTEMPTS: usize = 3;

/// A pool of connections, for queries. Clones share it.
#[derive(Clone)]
pub struct Pool {
    connections: managed::Pool<Manager>,
    acquire_timeout: Duration,
}

/// A connection out of the pool; given back when it is dropped.
#[derive(Debug)]
pub struct Pooled {
    /// `None` once it is given back.
    connection: Option<Object<Manager>>,
    dirty: Dirty,
}

/// What may be open on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dirty {
    No,
    /// A statement whose answer was not read to its end.
    Statement,
    Transaction,
    /// Whatever it is, this connection is not used again.
    Broken,
}

impl Pool {
    /// Connections are made when they are first needed. LIFO: the most recently returned connection is lent, which is warm.
    pub(crate) fn new(manager: Manager, max_connections: u32, acquire_timeout: Duration) -> Self {
        let max_connections = usize::try_from(max_connections).unwrap_or(usize::MAX);
        let connections = managed::Pool::builder(manager).max_size(max_connections).queue_mode(QueueMode::Lifo).build();
        // It needs a runtime for time-outs of its own, of which it has none.
        Self { connections: connections.expect("a pool without time-outs can be built"), acquire_timeout }
    }

    /// A connection of one's own. What is begun on it and not ended is rolled back when it is dropped.
    ///
    /// # Errors
    ///
    /// When none is free, and none can be made, in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue.
    pub async fn acquire(&self) -> Result<Pooled, Error> {
        // Boxed: it may have to connect, and that future is too large to be moved through those of its callers.
        let connection = time::timeout(self.acquire_timeout, Box::pin(self.connections.get())).await;
        let connection = match connection {
            Ok(Ok(connection)) => connection,
            Ok(Err(PoolError::Backend(error))) => return Err(error),
            Ok(Err(PoolError::Closed)) => return Err(Error::PoolClosed),
            // Of its own time-outs and hooks it has none.
            Err(_) | Ok(Err(_)) => return Err(Error::PoolTimedOut),
        };
        Ok(Pooled { connection: Some(connection), dirty: Dirty::Transaction })
    }

    /// Runs one statement on a connection of its own. One that was answered leaves nothing open. One that was prepared
    /// before its tables were altered is prepared again. Where a pooler lends a session for one transaction only, the
    /// statement is in one that sets what it relies on.
    async fn with<T>(
        &self,
        statement: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Error> + Clone,
    ) -> Result<T, Error> {
        let mut connection = self.acquire().await?;
        let primary = &self.connections.manager().primary;
        let begin = primary.pools_transactions().then(|| primary.begin_single());
        connection.dirty = if begin.is_some() { Dirty::Transaction } else { Dirty::Statement };
        let mut attempts = 1;
        loop {
            match run(&mut connection, begin, statement.clone()).await {
                Ok(answer) => {
                    connection.dirty = Dirty::No;
                    return Ok(answer);
                }
                Err(error) if attempts < ATTEMPTS && is_outdated_statement(&error) => {
                    attempts += 1;
                    if begin.is_some() {
                        connection.execute("ROLLBACK").await?;
                    }
                    connection.clear_cached_statements().await?;
                }
                Err(error) => {
                    connection.learn_from(&error);
                    return Err(error);
                }
            }
        }
    }

    /// How many connections there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.connections.status().size
    }

    /// How many of them are idle.
    #[must_use]
    pub fn num_idle(&self) -> usize {
        self.connections.status().available
    }

    /// Closes idle connections that are not to stay.
    pub(crate) fn tidy(&self) {
        let manager = self.connections.manager();
        self.connections.retain(|_, metrics| manager.is_worth_keeping(metrics.age(), metrics.last_used()));
    }

    /// Lends nothing any more: idle connections are closed, within a bound, others when they are given back.
    pub(crate) async fn close(&self) {
        let idle = self.connections.retain(|_, _| false).removed;
        self.connections.close();
        let goodbyes = idle.into_iter().map(|connection| time::timeout(CHECK_TIMEOUT, connection.close()));
        join_all(goodbyes).await;
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("connections", &self.connections.status()).finish_non_exhaustive()
    }
}

impl Pooled {
    /// The server has said that its transaction is over, and there will be no other.
    pub(crate) fn has_ended_transaction(&mut self) {
        self.dirty = Dirty::No;
    }

    /// A statement has failed. Where that says that the connection leads nowhere, or to a server that is no primary any more,
    /// it is closed when it is given back, and Postgres is asked where it is.
    pub(crate) fn learn_from(&mut self, error: &Error) {
        if is_fault_of_the_connection(error) {
            self.dirty = Dirty::Broken;
            if let Some(connection) = &self.connection
                && let Some(pool) = Object::pool(connection)
            {
                pool.manager().health.suspect();
            }
        }
    }
}

const IN_USE: &str = "it is given back by its drop";

impl Deref for Pooled {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect(IN_USE)
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect(IN_USE)
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.dirty == Dirty::No {
            return;
        }
        let Ok(runtime) = runtime::Handle::try_current() else {
            // There is no runtime any more to ask on.
            drop(Object::take(connection));
            return;
        };
        let open = self.dirty;
        runtime.spawn(async move {
            let is_clean = match open {
                Dirty::No => true,
                Dirty::Statement => is_alive(&mut connection).await,
                Dirty::Transaction => is_rolled_back(&mut connection).await,
                Dirty::Broken => false,
            };
            if !is_clean {
                drop(Object::take(connection));
            }
        });
    }
}

/// Runs one statement, between `begin` and COMMIT if there is a `begin`.
async fn run<T>(
    connection: &mut PgConnection,
    begin: Option<&str>,
    statement: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    let Some(begin) = begin else { return statement(connection).await };
    connection.execute(AssertSqlSafe(begin)).await?;
    let answer = statement(connection).await?;
    connection.execute("COMMIT").await?;
    Ok(answer)
}

async fn is_rolled_back(connection: &mut PgConnection) -> bool {
    matches!(time::timeout(CHECK_TIMEOUT, connection.execute("ROLLBACK")).await, Ok(Ok(_)))
}

/// A query in a form that can be sent again.
fn repeatable<'q>(mut query: impl Execute<'q, Postgres>) -> Result<(SqlStr, Option<PgArguments>), Error> {
    let arguments = query.take_arguments().map_err(Error::Encode)?;
    Ok((query.sql(), arguments))
}

/// Each statement on a connection of its own, as on sqlx's pool. Rows are collected before they are given on: no statement
/// here gives more than a page or a batch.
impl<'p> Executor<'p> for &Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let (pool, query) = (self.clone(), repeatable(query));
        let all = async move {
            let query = query?;
            let all: Vec<_> =
                pool.with(async move |connection| connection.fetch_many(query).try_collect().await).await?;
            Ok::<_, Error>(stream::iter(all.into_iter().map(Ok)))
        };
        stream::once(all).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let (pool, query) = (self.clone(), repeatable(query));
        Box::pin(async move {
            let query = query?;
            pool.with(async move |connection| connection.fetch_optional(query).await).await
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.with(async move |connection| connection.prepare_with(sql, parameters).await).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.with(async move |connection| connection.describe(sql).await).await })
    }
}
