//! The database: how connections are made and kept honest, and the deadlines of what is asked of them.

use std::{
    future::Future,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use aside_runtime::timings::{Waiting, waiting};
use tokio::time;

use super::{
    admission::{Admission, Permit},
    error::DatabaseError,
    health::Health,
    manager::{CHECK_TIMEOUT, Manager},
    metrics::Metrics,
    options::Options,
    pace::Pace,
    pool::Pool,
    primary::Primary,
};

/// How much longer than the server's own statement time-out a client waits: the way there and back.
const REPLY_GRACE: Duration = Duration::from_millis(500);

/// Postgres: a pool and the deadlines of what is asked of it. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    pub(crate) config: Arc<Options>,
    /// For a connection that is none of the pool's.
    pub(crate) primary: Arc<Primary>,
    pub(crate) health: Arc<Health>,
    reads: Admission,
    writes: Admission,
    /// Whether the schema was found unusable when it was last looked at.
    pub(crate) schema_unusable: Arc<AtomicBool>,
}

impl Database {
    /// A pool that connects when it is first needed.
    #[must_use]
    pub fn new(config: Options) -> Self {
        let health = Arc::new(Health::new());
        let primary = Arc::new(Primary::new(&config, Arc::clone(&health)));
        let manager = Manager { primary: Arc::clone(&primary), health: Arc::clone(&health), pace: Pace::default() };
        let pool = Pool::new(manager, config.max_connections, config.acquire_timeout);
        // Whatever one side does, some connections are the other's.
        let (reads, writes) = [config.max_loads; 2].map(|permits| Admission::new(permits, config.queue_timeout)).into();
        Self { pool, config: Arc::new(config), primary, health, reads, writes, schema_unusable: Arc::default() }
    }

    /// The pool, for queries.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The schema of the tables.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.config.schema
    }

    /// Where reads wait for a permit, [`read`](Self::read) and loads for the cache alike.
    #[must_use]
    pub fn reads(&self) -> &Admission {
        &self.reads
    }

    /// [`run`](Self::run)s what a request reads, in its turn.
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    pub async fn read<T>(&self, query: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, DatabaseError> {
        // While Postgres answers nothing, no request waits in the queue in vain.
        let _permit = self.permit_of(&self.reads).await?;
        self.run(query).await
    }

    /// Waits for a request's permit to write.
    pub async fn permit_to_write(&self) -> Result<Permit, DatabaseError> {
        self.permit_of(&self.writes).await
    }

    async fn permit_of(&self, admission: &Admission) -> Result<Permit, DatabaseError> {
        let permit = async { Ok(admission.acquire().await?) };
        self.health.unless_down(waiting(Waiting::Db, permit)).await
    }

    /// Runs a query under the client's own deadline, counted as time spent on the database. For what no request waits for,
    /// or has a place for already.
    ///
    /// The server's statement time-out ends what runs too long; this one ends the wait for a server that says nothing.
    ///
    /// # Cancel safety
    ///
    /// A dropped query is ended, at the latest by the server's time-outs; its connection is cleaned before its next use.
    pub async fn run<T>(&self, query: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, DatabaseError> {
        let deadline = self.config.acquire_timeout + self.config.statement_timeout + REPLY_GRACE;
        self.while_up(deadline, waiting(Waiting::Db, query)).await
    }

    /// Runs `work` on Postgres until the deadline, or until Postgres is found to be down.
    ///
    /// # Cancel safety
    ///
    /// As `work`, which is dropped then.
    pub async fn while_up<T>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, DatabaseError> {
        let work = async {
            match time::timeout(deadline, work).await {
                Ok(result) => result.map_err(DatabaseError::from),
                Err(_elapsed) => Err(DatabaseError::TimedOut),
            }
        };
        self.health.while_up(work).await
    }

    /// Asks for an answer, any answer.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.run(sqlx::query("SELECT 1").execute(&self.pool)).await?;
        Ok(())
    }

    /// Whether Postgres answers quickly, by a probe that waits in no queue.
    pub async fn is_up(&self) -> bool {
        !self.health.is_open() && matches!(time::timeout(CHECK_TIMEOUT, self.health.ask()).await, Ok(true))
    }

    /// Puts the pool's numbers into the metrics.
    pub fn observe(&self, metrics: &Metrics) {
        let count = |connections| i64::try_from(connections).unwrap_or(i64::MAX);
        metrics.connections.set(count(self.pool.size()));
        metrics.idle_connections.set(count(self.pool.num_idle()));
    }

    /// Closes every connection, within a bound; those in use when they are given back.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
