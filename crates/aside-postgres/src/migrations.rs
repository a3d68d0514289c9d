//! Bringing the schema up to date, from any number of processes at once and beside a service that runs.
//!
//! The migrator has a connection of its own, since its advisory lock is its session's: a process that ends gives it up. No
//! statement of it has a time limit; making an index may take an hour. A wait for a lock has one and is begun anew: a
//! migration that waits for a table holds up each other session behind it.

use std::{io, time::Duration};

use sqlx::{Connection, Executor, PgConnection, migrate::MigrateError};
use tokio::time::{self, Instant};

use super::{
    connection::Database,
    error::is_fault_of_the_connection,
    startup::{REPORT_INTERVAL, Reports},
};

/// Between two attempts to get a lock. Others have it meanwhile.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

/// For so long after its start a migration whose connection breaks begins again: Postgres may restart, or fail over.
const CONNECTIONS_MAY_BREAK: Duration = Duration::from_mins(1);

/// `lock_not_available`: `lock_timeout` has passed.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// A migration of which nothing was heard so many times in a row has lost its connection.
const LOST_AFTER: u32 = 6;

/// Why the schema is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// There is no schema to make tables in.
    #[error(
        "DATABASE_SCHEMA is {schema:?}, a schema that does not exist or that this role may not use; as the owner of the \
         database: CREATE SCHEMA {schema:?} AUTHORIZATION the_role"
    )]
    NoSchema {
        /// `DATABASE_SCHEMA`.
        schema: String,
    },
    /// The lock of a migration would be left to another client.
    #[error(
        "a pooler in transaction mode is on the way, and migrations need a session; run `aside migrate` past it, and \
         `aside serve --no-migrate` through it"
    )]
    NoSession,
    /// A migration failed, or those of the database are not those of this version.
    #[error("the migrations failed")]
    Failed(#[from] MigrateError),
}

impl From<sqlx::Error> for MigrationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl MigrationError {
    fn source_error(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Failed(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Some(error),
            _other => None,
        }
    }

    fn is_lock_timeout(&self) -> bool {
        let refusal = self.source_error().and_then(sqlx::Error::as_database_error);
        refusal.and_then(sqlx::error::DatabaseError::code).as_deref() == Some(LOCK_NOT_AVAILABLE)
    }

    fn is_broken_connection(&self) -> bool {
        let is_broken = |error| matches!(error, &sqlx::Error::PoolTimedOut) || is_fault_of_the_connection(error);
        self.source_error().is_some_and(is_broken)
    }
}

impl Database {
    /// Brings the schema up to date, by the migrations of its options. Waits for locks, another replica's migration among them, for as long as it takes.
    ///
    /// # Cancel safety
    ///
    /// The migration under way is rolled back.
    pub async fn migrate(&self) -> Result<(), MigrationError> {
        let (mut reports, started) = (Reports::default(), Instant::now());
        loop {
            match self.migrate_once().await {
                Err(error) if error.is_lock_timeout() => {
                    reports.warn("migrations wait for a lock that another session holds: another migration, or a use of the tables");
                    time::sleep(BETWEEN_ATTEMPTS).await;
                }
                // What was done is known to the database, so it is safe to begin again.
                Err(error) if error.is_broken_connection() && started.elapsed() < CONNECTIONS_MAY_BREAK => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "migrations begin again");
                    time::sleep(BETWEEN_ATTEMPTS).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn migrate_once(&self) -> Result<(), MigrationError> {
        let Some(migrations) = self.config.migrations else { return Ok(()) };
        let mut alone = self.connect_in_time().await?;
        if self.primary.pools_transactions() {
            return Err(MigrationError::NoSession);
        }
        self.lift_time_limits(&mut alone).await?;
        let schema: Option<String> = sqlx::query_scalar("SELECT current_schema()::text").fetch_one(&mut alone).await?;
        if schema.is_none() {
            return Err(MigrationError::NoSchema { schema: self.config.schema.clone() });
        }
        let backend = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut alone).await?;
        let outcome = tokio::select! {
            outcome = migrations.run_direct(None, &mut alone, false) => outcome,
            () = self.is_lost(backend) => return Err(lost().into()),
        };
        let _best_effort = alone.close().await;
        Ok(outcome?)
    }

    async fn connect_in_time(&self) -> Result<PgConnection, sqlx::Error> {
        let connecting = time::timeout(self.config.acquire_timeout, self.primary.connect());
        connecting.await.map_err(|_elapsed| sqlx::Error::PoolTimedOut)?
    }

    async fn lift_time_limits(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let lock_timeout = self.config.lock_timeout.as_millis().to_string();
        let settings = sqlx::query(
            "SELECT set_config(name, CASE name WHEN 'lock_timeout' THEN $1 ELSE '0' END, false) FROM pg_settings
             WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout',
                            'lock_timeout')",
        )
        .bind(lock_timeout);
        connection.execute(settings).await?;
        Ok(())
    }

    /// Resolves when the server's side of a migration cannot be seen any more: a silent connection would be waited for
    /// without end.
    async fn is_lost(&self, backend: i32) {
        let mut unseen = 0;
        while unseen < LOST_AFTER {
            time::sleep(REPORT_INTERVAL).await;
            let seen = time::timeout(REPORT_INTERVAL, self.is_at_work(backend)).await;
            unseen = if matches!(seen, Ok(Ok(true))) { 0 } else { unseen + 1 };
        }
    }

    async fn is_at_work(&self, backend: i32) -> Result<bool, sqlx::Error> {
        let mut connection = self.primary.connect().await?;
        let found = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)").bind(backend);
        let found = found.fetch_one(&mut connection).await?;
        let _best_effort = connection.close().await;
        Ok(found)
    }
}

fn lost() -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server does not show the session of the migration any more").into()
}
