//! The write section: everything between BEGIN and the lift, in a task of its own.
//!
//! ```text
//!   BEGIN ─ lock rows ─ change them ─ fence ─ COMMIT ─┬─ committed ───── lift ─ answer
//!                                                     ├─ rolled back ─── lift ─ error
//!                                                     └─ unknown ────────────── error (the fence runs out by itself)
//! ```
//!
//! A caller who goes away cancels only the waiting: a write that was begun is finished, and its fences are lifted.

use std::{sync::Arc, time::Instant};

use aside_postgres::{CommitError, Database, DatabaseError, Statements};
use aside_runtime::{
    metrics::ObserveDuration,
    shutdown::Shutdown,
    timings::{Waiting, waiting},
};

use super::{error::RepositoryError, own_rows::OwnRows};
use crate::{
    cache::{self, Cache, CellName, Ended, Lifted, WriteToken},
    telemetry::metrics::{Metrics, SourceLabels},
};

/// What a transaction's statements have come to, before its COMMIT.
#[derive(Debug)]
pub struct Written<T> {
    /// The answer, if the COMMIT succeeds.
    pub value: T,
    /// The cells whose rows were changed; none when nothing was.
    pub cells: Vec<CellName>,
}

impl<T> Written<T> {
    /// Nothing was changed.
    pub fn nothing(value: T) -> Self {
        Self { value, cells: Vec::new() }
    }
}

/// Runs write sections. Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct Writer {
    database: Database,
    cache: Cache,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
    outbox: OwnRows,
}

impl Writer {
    /// Writes to this database and fences in this cache; the shutdown waits for what is under way.
    #[must_use]
    pub fn new(database: Database, cache: Cache, metrics: Arc<Metrics>, shutdown: Shutdown) -> Self {
        let outbox = OwnRows::start(database.clone(), &shutdown);
        Self { database, cache, metrics, shutdown, outbox }
    }

    /// Runs `statements` in a transaction and sees to it that no cache shows what was before, once this has answered. They
    /// take all row locks, in the order *users by id, then the others*, and make all changes.
    ///
    /// # Errors
    ///
    /// The error of the first statement that failed (nothing has happened then), or [`WriteError::OutcomeUnknown`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting; the write goes on to its end.
    pub async fn write<T: Send + 'static>(
        &self,
        statements: impl Statements<Written<T>> + 'static,
    ) -> Result<T, WriteError> {
        let (writer, permit) = (self.clone(), self.database.permit_to_write().await?);
        let section = self.shutdown.spawn(async move {
            let _permit = permit;
            writer.run(statements).await
        });
        let outcome = waiting(Waiting::Db, section).await;
        cache::look_again();
        match outcome {
            Ok(outcome) => outcome,
            Err(panicked) => Err(WriteError::Panicked(panicked)),
        }
    }

    async fn run<T>(self, statements: impl Statements<Written<T>>) -> Result<T, WriteError> {
        let token = WriteToken::random();
        let mut transaction = self.database.begin(&[("aside.token", &token.to_string())], None).await?;
        let written = match transaction.run(statements).await {
            Ok(written) => written,
            Err(error) => {
                transaction.rollback().await;
                return Err(error.into());
            }
        };

        let cells = written.cells.clone();
        let fence = self.cache.fence(token, written.cells).await;
        match transaction.commit().await {
            Ok(()) => {
                let committed = Instant::now();
                let lifted = fence.lift(Ended::Committed).await;
                if lifted == Lifted::Confirmed {
                    self.outbox.note_done(token, cells);
                }
                let labels = SourceLabels { source: "inline" };
                self.metrics.cache_invalidation_lag.get_or_create(&labels).observe_duration(committed.elapsed());
                Ok(written.value)
            }
            Err(CommitError::RolledBack(error)) => {
                fence.lift(Ended::RolledBack).await;
                Err(error.into())
            }
            Err(CommitError::OutcomeUnknown) => {
                // Not lifted: the transaction may still commit. The fence outlives every deadline of the transaction.
                drop(fence);
                Err(WriteError::OutcomeUnknown)
            }
        }
    }
}

/// Why a write was not done, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A statement failed; nothing has happened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The reply to COMMIT did not come.
    #[error("the outcome of the transaction is unknown")]
    OutcomeUnknown,
    /// The write section panicked before its COMMIT; nothing has happened.
    #[error("the write section panicked")]
    Panicked(#[source] tokio::task::JoinError),
}

impl WriteError {
    /// Whether nothing has happened because this constraint refused it.
    pub fn is_constraint(&self, name: &str) -> bool {
        matches!(self, Self::Database(error) if error.is_constraint(name))
    }
}

impl From<WriteError> for RepositoryError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Database(error) => error.into(),
            WriteError::OutcomeUnknown => Self::OutcomeUnknown,
            WriteError::Panicked(error) => Self::Failed(Box::new(error)),
        }
    }
}
