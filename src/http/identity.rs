//! Who asks, as a type in a handler's signature.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::problem::{Problem, ProblemKind};
use crate::{domain::UserId, repository::ActiveSession};

/// What the gate found out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Identity {
    pub(super) session: Option<ActiveSession>,
    /// The token came by cookie.
    pub(super) by_cookie: bool,
}

/// Somebody signed in; 401 for anybody else.
#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentUser {
    /// The session that asks.
    pub session: ActiveSession,
    /// Whether the session's token came by cookie.
    pub by_cookie: bool,
}

impl CurrentUser {
    /// Who it is.
    #[must_use]
    pub(super) fn id(&self) -> UserId {
        self.session.user_id
    }
}

/// Somebody signed in, or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct MaybeCurrentUser(pub Option<CurrentUser>);

impl<S: Send + Sync> FromRequestParts<S> for MaybeCurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(Identity { session, by_cookie }) = parts.extensions.get().copied() else {
            return Err(Problem::internal("the gate is not around this route"));
        };
        Ok(Self(session.map(|session| CurrentUser { session, by_cookie })))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let MaybeCurrentUser(user) = MaybeCurrentUser::from_request_parts(parts, state).await?;
        user.ok_or_else(|| Problem::new(ProblemKind::NotSignedIn))
    }
}
