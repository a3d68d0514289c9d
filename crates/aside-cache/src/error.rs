//! Why an entry could not be read: only its source can fail, the cache itself cannot.

use std::{error::Error, sync::Arc};

use aside_postgres::admission::Overloaded;

/// A read that has no answer. Clonable, since all readers that wait for one load get its error.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// The source of truth gave an error.
    #[error("loading an entry failed")]
    Source(#[source] Arc<dyn Error + Send + Sync>),
    /// Too many loads were under way for too long; this one was shed.
    #[error("too many loads are under way")]
    Overloaded(#[from] Overloaded),
    /// The task that loaded for this reader ended without an answer.
    #[error("the load was aborted")]
    Aborted,
}

impl LoadError {
    /// An error of the source of truth.
    pub fn source(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Source(Arc::new(error))
    }
}
