//! The parts that handlers may use: single repositories, no pools.

use std::{ops::Deref, sync::Arc};

use aside_limiter::Limiter;
use aside_runtime::clock::Clock;
use axum::extract::FromRef;

use super::{cookie::SessionCookie, token_lookups::TokenLookups};
use crate::{
    auth::PasswordHasher,
    repository::{FollowRepository, HomeRepository, PostRepository, SessionRepository, UserRepository},
};

/// The state of the API's router. Its parts are shared: axum clones the state several times for each request.
#[derive(Clone, Debug)]
pub struct ApiState(Arc<ApiParts>);

/// The parts that handlers extract one by one, such as `State<Arc<UserRepository>>`.
#[derive(Debug)]
pub struct ApiParts {
    /// Users.
    pub users: Arc<UserRepository>,
    /// Sessions.
    pub sessions: Arc<SessionRepository>,
    /// Posts.
    pub posts: Arc<PostRepository>,
    /// Follows.
    pub follows: Arc<FollowRepository>,
    /// Home pages.
    pub home: Arc<HomeRepository>,
    /// Hashes passwords.
    pub hasher: PasswordHasher,
    /// The rate limiter.
    pub limiter: Limiter,
    /// Bounds the lookups of unknown tokens.
    pub token_lookups: TokenLookups,
    /// The session cookie of this service.
    pub cookie: SessionCookie,
    /// The time.
    pub clock: Clock,
}

impl From<ApiParts> for ApiState {
    fn from(parts: ApiParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for ApiState {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.0
    }
}

/// Like `#[derive(FromRef)]`, which does not see through an `Arc`.
macro_rules! from_ref {
    ($($part:ident: $type:ty),+) => {
        $(impl FromRef<ApiState> for $type {
            fn from_ref(state: &ApiState) -> Self {
                state.$part.clone()
            }
        })+
    };
}

from_ref! {
    users: Arc<UserRepository>, sessions: Arc<SessionRepository>, posts: Arc<PostRepository>,
    follows: Arc<FollowRepository>, home: Arc<HomeRepository>, hasher: PasswordHasher, limiter: Limiter,
    cookie: SessionCookie, clock: Clock
}
