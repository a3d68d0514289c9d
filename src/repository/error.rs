//! Failures of the repositories. Absence and refusal are not among them: those are answers.

use aside_cache::{LoadError, WriteError};
use aside_postgres::DatabaseError;

/// Why a repository gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Postgres is out of reach, too slow, or too busy: the same request may succeed a moment later.
    #[error("the data is out of reach")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The reply to COMMIT did not come: the write may have happened. Its cells stay fenced until that is settled.
    #[error("the outcome of the write is unknown")]
    OutcomeUnknown,
    /// A defect of ours.
    #[error("the repository failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<DatabaseError> for RepositoryError {
    fn from(error: DatabaseError) -> Self {
        if error.is_transient() { Self::Unavailable(Box::new(error)) } else { Self::Failed(Box::new(error)) }
    }
}

impl From<LoadError> for RepositoryError {
    fn from(error: LoadError) -> Self {
        let is_transient = match &error {
            LoadError::Source(source) => source.downcast_ref().is_some_and(DatabaseError::is_transient),
            LoadError::Overloaded(_) | LoadError::Aborted => true,
        };
        if is_transient { Self::Unavailable(Box::new(error)) } else { Self::Failed(Box::new(error)) }
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
