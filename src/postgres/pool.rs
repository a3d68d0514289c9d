//! The pool, and connections that are given back clean, and within a bound.
//!
//! sqlx 0.9.0 asks every connection that is given back for a sign of life, without a time-out, and keeps the pool's permit
//! meanwhile. So each connection that goes silent in that moment (a host that vanished without a word) made the pool smaller by
//! one until the kernel gave up, or for ever. Here the wait is bounded, and a connection that exceeds it is dropped; hence
//! nothing is executed on sqlx's own pool.
//!
//! And a caller who goes away inside a BEGIN leaves it on the connection (in sqlx's own `begin` too, see launchbadge/sqlx
//! #4394): the next borrower would write into that transaction, and nobody would commit it. So whatever may be open is rolled
//! back before anybody else gets the connection. Single statements leave nothing open.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use futures::{
    StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::{runtime, time};

/// Bounds the ROLLBACK of what nobody has ended.
const ROLLBACK_TIMEOUT: Duration = Duration::from_millis(500);
/// Bounds the giving back, which waits for the sign of life.
const RETURN_TIMEOUT: Duration = Duration::from_secs(1);

/// A pool of connections, for queries. Clones share it.
#[derive(Clone, Debug)]
pub struct Pool(PgPool);

/// A connection out of the pool; given back when it is dropped.
#[derive(Debug)]
pub struct Pooled {
    /// `None` once it is given back.
    connection: Option<PoolConnection<Postgres>>,
    may_be_in_transaction: bool,
}

impl Pool {
    pub(super) fn new(pool: PgPool) -> Self {
        Self(pool)
    }

    /// A connection of one's own. What is begun on it and not ended is rolled back when it is dropped.
    pub async fn acquire(&self) -> Result<Pooled, Error> {
        let mut connection = self.acquire_for_one_statement().await?;
        connection.may_be_in_transaction = true;
        Ok(connection)
    }

    async fn acquire_for_one_statement(&self) -> Result<Pooled, Error> {
        // Boxed: it may have to connect, and that future is too large to be moved through those of its callers.
        let connection = Box::pin(self.0.acquire()).await?;
        Ok(Pooled { connection: Some(connection), may_be_in_transaction: false })
    }

    /// How many connections there are.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.0.size()
    }

    /// How many of them nobody uses.
    #[must_use]
    pub fn num_idle(&self) -> usize {
        self.0.num_idle()
    }

    /// sqlx's own pool, for what is bounded otherwise.
    pub(super) fn unbounded(&self) -> &PgPool {
        &self.0
    }
}

impl Pooled {
    /// The server has said that its transaction is over, and there will be no other.
    pub(super) fn has_ended_transaction(&mut self) {
        self.may_be_in_transaction = false;
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
        let Ok(runtime) = runtime::Handle::try_current() else {
            // Nobody can be asked any more: it is closed. sqlx's own `drop` would panic.
            drop(connection.return_to_pool());
            return;
        };
        let may_be_in_transaction = self.may_be_in_transaction;
        runtime.spawn(async move {
            if may_be_in_transaction && !is_rolled_back(&mut connection).await {
                drop(connection.detach());
                return;
            }
            // Not a documented method, but what sqlx's own `drop` spawns. Dropped before its end it closes the connection.
            let _or_closed = time::timeout(RETURN_TIMEOUT, connection.return_to_pool()).await;
        });
    }
}

async fn is_rolled_back(connection: &mut PgConnection) -> bool {
    matches!(time::timeout(ROLLBACK_TIMEOUT, connection.execute("ROLLBACK")).await, Ok(Ok(_)))
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
        let pool = self.clone();
        let all = async move {
            let mut connection = pool.acquire_for_one_statement().await?;
            let all: Vec<_> = connection.fetch_many(query).try_collect().await?;
            Ok::<_, Error>(stream::iter(all.into_iter().map(Ok)))
        };
        stream::once(all).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire_for_one_statement().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire_for_one_statement().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire_for_one_statement().await?.describe(sql).await })
    }
}
