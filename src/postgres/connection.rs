//! The database: how connections are made and kept honest, and the deadlines of what is asked of them.

use std::{
    future::Future,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, Connection,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time;

use super::{error::DatabaseError, health::Health, pool::Pool};
use crate::{
    bulkhead::{Bulkhead, Turn},
    config::DatabaseConfig,
    telemetry::{
        metrics::Metrics,
        timings::{Waiting, waiting},
    },
};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Bounds what a connection is asked between two uses. sqlx asks without a bound, so a host that vanished without a word
/// would keep the pool's permits for ever.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection that was idle for longer is asked whether it still lives before it is used.
const IDLE_BEFORE_CHECK: Duration = Duration::from_secs(1);

/// How much longer than the server's own statement time-out a client waits: the way there and back.
const REPLY_GRACE: Duration = Duration::from_millis(500);

/// Postgres: a pool and the deadlines of what is asked of it. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    pub(super) config: Arc<DatabaseConfig>,
    /// For a connection that is none of the pool's.
    pub(super) options: PgConnectOptions,
    pub(super) health: Arc<Health>,
    reads: Bulkhead,
    writes: Bulkhead,
    /// As `server_version_num` has it; 0 until the first connection was made.
    server_version: Arc<AtomicU32>,
}

impl Database {
    /// A pool that connects when it is first needed.
    ///
    /// # Errors
    ///
    /// When `DATABASE_URL` cannot be understood.
    pub fn new(config: DatabaseConfig) -> Result<Self, DatabaseError> {
        let options = connect_options(&config)?;
        let server_version = Arc::<AtomicU32>::default();
        let version_of_server = Arc::clone(&server_version);
        let health = Arc::new(Health::new());
        let health_of_server = Arc::clone(&health);
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.acquire_timeout)
            .after_connect(move |connection, _meta| {
                version_of_server.store(connection.server_version_num().unwrap_or_default(), Ordering::Relaxed);
                Box::pin(async { Ok(()) })
            })
            // In place of sqlx's ping, which has no time-out.
            .test_before_acquire(false)
            .before_acquire(move |connection, meta| {
                let is_from_before = health_of_server.is_from_before(meta.age);
                Box::pin(async move {
                    if is_from_before {
                        return Ok(false);
                    }
                    if meta.idle_for < IDLE_BEFORE_CHECK {
                        return Ok(true);
                    }
                    Ok(matches!(time::timeout(CHECK_TIMEOUT, connection.ping()).await, Ok(Ok(()))))
                })
            })
            .connect_lazy_with(options.clone());
        // Whatever one side does, some connections are the other's.
        let (reads, writes) = [config.max_loads; 2].map(|places| Bulkhead::new(places, config.queue_wait)).into();
        Ok(Self { pool: Pool::new(pool), config: Arc::new(config), options, health, reads, writes, server_version })
    }

    /// The pool, for queries.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Where reads wait for their turn, [`read`](Self::read) and loads for the cache alike.
    #[must_use]
    pub fn reads(&self) -> &Bulkhead {
        &self.reads
    }

    /// [`run`](Self::run)s what a request reads, in its turn.
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    pub async fn read<T>(&self, query: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, DatabaseError> {
        // While nothing is answered, nobody waits in vain for those who are ahead.
        let _turn = self.in_turn(&self.reads).await?;
        self.run(query).await
    }

    /// Waits for a request's turn to write.
    pub async fn turn_to_write(&self) -> Result<Turn, DatabaseError> {
        self.in_turn(&self.writes).await
    }

    async fn in_turn(&self, bulkhead: &Bulkhead) -> Result<Turn, DatabaseError> {
        let turn = async { Ok(bulkhead.enter().await?) };
        self.health.unless_away(waiting(Waiting::Db, turn)).await
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

    /// Runs `work` on Postgres until the deadline, or until Postgres is found to be away.
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

    /// Brings the schema up to date. Safe to run from several processes at once: the migrator takes a lock.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        MIGRATIONS.run(self.pool.unbounded()).await
    }

    /// Asks for an answer, any answer.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.run(sqlx::query("SELECT 1").execute(&self.pool)).await?;
        Ok(())
    }

    /// Whether Postgres answers quickly, by a probe for which nobody has to queue.
    pub async fn is_up(&self) -> bool {
        !self.health.is_open() && matches!(time::timeout(CHECK_TIMEOUT, self.health.ask()).await, Ok(true))
    }

    /// Puts the pool's numbers into the metrics.
    pub fn observe(&self, metrics: &Metrics) {
        metrics.db_pool_connections.set(self.pool.size().into());
        metrics.db_pool_idle_connections.set(i64::try_from(self.pool.num_idle()).unwrap_or(i64::MAX));
    }

    pub(super) fn server_version(&self) -> u32 {
        self.server_version.load(Ordering::Relaxed)
    }

    /// Closes every connection, after the queries under way.
    pub async fn close(&self) {
        self.pool.unbounded().close().await;
    }
}

fn connect_options(config: &DatabaseConfig) -> Result<PgConnectOptions, DatabaseError> {
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    Ok(PgConnectOptions::from_str(config.url.expose_secret())?
        .application_name("aside")
        .log_slow_statements(log::LevelFilter::Warn, Duration::from_secs(1))
        .options([
            ("statement_timeout", milliseconds(config.statement_timeout)),
            // A ROLLBACK for a caller who went away before its BEGIN arrived is answered with a warning.
            ("client_min_messages", "error".to_owned()),
        ]))
}
