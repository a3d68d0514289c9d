//! The write section: everything between BEGIN and the release, in a task of its own.
//!
//! ```text
//!   BEGIN ─ lock rows ─ change them ─ fence ─ COMMIT ─┬─ committed ───── release ─ answer
//!                                                     ├─ rolled back ─── release ─ error
//!                                                     └─ unknown ───────────────── error (the fence runs out by itself)
//! ```
//!
//! A caller that is cancelled cancels only the waiting: a write that was begun is finished, and its fences are released.

use std::time::Instant;

use aside_postgres::{CommitError, DatabaseError, Statements};
use aside_runtime::{
    metrics::ObserveDuration,
    timings::{Waiting, waiting},
};

use super::{
    cache::Cache,
    metrics::SourceLabels,
    near::forget_freshness_check,
    protocol::{Ended, EntryName, Released, WriteToken},
};

/// What the statements of a transaction have come to, before its COMMIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// The answer, if the COMMIT succeeds.
    pub value: T,
    /// The entries whose rows were changed; none when nothing was.
    pub entries: Vec<EntryName>,
}

impl<T> Changed<T> {
    /// Nothing was changed.
    pub fn nothing(value: T) -> Self {
        Self { value, entries: Vec::new() }
    }
}

impl Changed<()> {
    /// The row of this entry was changed.
    #[must_use]
    pub fn one(entry: EntryName) -> Self {
        Self { value: (), entries: vec![entry] }
    }
}

impl Cache {
    /// Runs `statements` in a transaction. Once this has answered, no cache shows what was before. They take all row locks, always
    /// in one order, make all changes, and name the entries that these make stale.
    ///
    /// They run again, from BEGIN on, when a table was altered since one of them was prepared; so they are cloned, and do nothing
    /// but to execute statements.
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
        statements: impl Statements<Changed<T>> + 'static,
    ) -> Result<T, WriteError> {
        let (cache, permit) = (self.clone(), self.database.permit_to_write().await?);
        let section = self.protocol.shutdown.spawn(async move {
            let _permit = permit;
            cache.run(statements).await
        });
        let outcome = waiting(Waiting::Db, section).await;
        forget_freshness_check();
        match outcome {
            Ok(outcome) => outcome,
            Err(panicked) => Err(WriteError::Panicked(panicked)),
        }
    }

    async fn run<T>(self, statements: impl Statements<Changed<T>>) -> Result<T, WriteError> {
        let token = WriteToken::random();
        let mut transaction = self.database.begin(&token.to_string(), None).await?;
        let changed = match transaction.run(statements).await {
            Ok(changed) => changed,
            Err(error) => {
                transaction.rollback().await;
                return Err(error.into());
            }
        };

        let entries = changed.entries.clone();
        let fence = self.protocol.fence(token, changed.entries).await;
        match transaction.commit().await {
            Ok(()) => {
                let committed = Instant::now();
                let released = fence.release(Ended::Committed).await;
                if released == Released::Confirmed {
                    self.acknowledged.note(token, entries);
                }
                let labels = SourceLabels { source: "inline" };
                self.protocol.metrics.invalidation_lag.get_or_create(&labels).observe_duration(committed.elapsed());
                Ok(changed.value)
            }
            Err(CommitError::RolledBack(error)) => {
                fence.release(Ended::RolledBack).await;
                Err(error.into())
            }
            Err(CommitError::OutcomeUnknown) => {
                // Not released: the transaction may still commit. The fence outlives every deadline of the transaction.
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
    #[must_use]
    pub fn is_constraint(&self, name: &str) -> bool {
        matches!(self, Self::Database(error) if error.is_constraint(name))
    }
}
