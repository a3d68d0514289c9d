//! Errors of the layers below as problems.

use crate::{
    auth::HashError,
    domain::FieldErrors,
    http::problem::{InvalidPart, Problem, ProblemKind},
    repository::RepositoryError,
};

impl From<RepositoryError> for Problem {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Unavailable(_) => Self::unavailable(error),
            RepositoryError::OutcomeUnknown => {
                let detail = "The database did not say whether this was done. Look before you try again.";
                Self::unavailable(error).with_detail(detail)
            }
            RepositoryError::Failed(_) => Self::internal(error),
        }
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::unavailable(error),
            HashError::Failed(_) | HashError::Died(_) => Self::internal(error),
        }
    }
}

impl From<FieldErrors> for Problem {
    fn from(errors: FieldErrors) -> Self {
        let parts = errors.as_slice().iter().map(|error| InvalidPart::body(error.pointer, error.detail.clone()));
        Self::invalid_body(parts)
    }
}

/// 401 for a session whose user was deleted during the request.
pub(super) fn user_is_gone() -> Problem {
    Problem::new(ProblemKind::InvalidToken)
}
