//! What handlers may hold: repositories, each for itself, never pools.

use std::{ops::Deref, sync::Arc};

use aside_limiter::Limiter;
use aside_runtime::clock::Clock;
use axum::extract::FromRef;

use super::{cookie::SessionCookie, token_lookups::TokenLookups};
use crate::{
    auth::PasswordHasher,
    repository::{FollowRepository, HomeRepository, PostRepository, SessionRepository, UserRepository},
};

/// The state of the API's router: the parts, shared, since axum clones it several times for each request.
#[derive(Clone, Debug)]
pub struct ApiState(Arc<ApiParts>);

/// The parts that handlers ask for one by one, as `State<Arc<UserRepository>>` and so on.
#[derive(Debug)]
pub struct ApiParts {
    /// Users.
    pub users: Arc<UserRepository>,
    /// Sessions.
    pub sessions: Arc<SessionRepository>,
    /// Posts.
    pub posts: Arc<PostRepository>,
    /// Who follows whom.
    pub follows: Arc<FollowRepository>,
    /// Home pages.
    pub home: Arc<HomeRepository>,
    /// Hashes passwords.
    pub hasher: PasswordHasher,
    /// Decides who may go on.
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

/// As `#[derive(FromRef)]` does it, which cannot look into an `Arc`.
macro_rules! give {
    ($($part:ident: $type:ty),+) => {
        $(impl FromRef<ApiState> for $type {
            fn from_ref(state: &ApiState) -> Self {
                state.$part.clone()
            }
        })+
    };
}

give! {
    users: Arc<UserRepository>, sessions: Arc<SessionRepository>, posts: Arc<PostRepository>,
    follows: Arc<FollowRepository>, home: Arc<HomeRepository>, hasher: PasswordHasher, limiter: Limiter,
    cookie: SessionCookie, clock: Clock
}
