//! The current user, as a type in a handler's signature.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use super::problem::{Problem, ProblemKind};
use crate::{domain::UserId, repository::ActiveSession};

/// The credentials of a request, once they are verified.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Identity {
    pub(super) session: Option<ActiveSession>,
    /// The token came by cookie.
    pub(super) by_cookie: bool,
}

/// A signed-in user; 401 for an anonymous request. `Option<CurrentUser>` accepts both.
#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentUser {
    /// The session of the request.
    pub session: ActiveSession,
    /// Whether the session's token came by cookie.
    pub by_cookie: bool,
}

impl CurrentUser {
    /// The id of the user.
    #[must_use]
    pub(super) fn id(&self) -> UserId {
        self.session.user_id
    }
}

fn current_user(parts: &Parts) -> Result<Option<CurrentUser>, Problem> {
    let Some(Identity { session, by_cookie }) = parts.extensions.get().copied() else {
        return Err(Problem::internal("the gate is not around this route"));
    };
    Ok(session.map(|session| CurrentUser { session, by_cookie }))
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Problem> {
        current_user(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        current_user(parts)?.ok_or_else(|| Problem::new(ProblemKind::NotSignedIn))
    }
}
