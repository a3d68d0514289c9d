//! The pool, and connections that are given back within a bound.
//!
//! sqlx 0.9.0 asks every connection that is given back for a sign of life, after all hooks and without a time-out, and
//! keeps the pool's permit meanwhile. So each connection that goes silent in that moment (a host that vanished without a
//! word) made the pool smaller by one until the kernel gave up, or for ever. Here the wait is bounded, and a connection that
//! exceeds it is dropped; hence nothing is executed on sqlx's own pool.

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

/// Bounds the giving back: the hook's ROLLBACK under its own time-out, and the sign of life.
const RETURN_TIMEOUT: Duration = Duration::from_secs(1);

/// A pool of connections, for queries. Clones share it.
#[derive(Clone, Debug)]
pub struct Pool(PgPool);

/// A connection out of the pool; given back when it is dropped.
#[derive(Debug)]
pub struct Pooled(PoolConnection<Postgres>);

impl Pool {
    pub(super) fn new(pool: PgPool) -> Self {
        Self(pool)
    }

    /// A connection of one's own.
    pub async fn acquire(&self) -> Result<Pooled, Error> {
        // Boxed: it may have to connect, and that future is too large to be moved through those of its callers.
        Ok(Pooled(Box::pin(self.0.acquire()).await?))
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

impl Deref for Pooled {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        // Not a documented method, but what sqlx's own `drop` spawns. Dropped before its end it closes the connection.
        let given_back = self.0.return_to_pool();
        if let Ok(runtime) = runtime::Handle::try_current() {
            runtime.spawn(time::timeout(RETURN_TIMEOUT, given_back));
        }
    }
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
            let mut connection = pool.acquire().await?;
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
        Box::pin(async move { pool.acquire().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.describe(sql).await })
    }
}
