//! What handlers may hold: repositories, each for itself, never pools.

use std::sync::Arc;

use axum::extract::FromRef;

use super::cookie::SessionCookie;
use crate::{
    auth::PasswordHasher,
    clock::Clock,
    rate_limit::Limiter,
    repository::{FollowRepository, HomeRepository, PostRepository, SessionRepository, UserRepository},
};

/// The parts that handlers ask for one by one, as `State<Arc<UserRepository>>` and so on. Cheap to clone: axum does so
/// several times for each request.
#[derive(Clone, Debug, FromRef)]
pub struct ApiState {
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
    /// The session cookie of this service.
    pub cookie: SessionCookie,
    /// The time.
    pub clock: Clock,
}
