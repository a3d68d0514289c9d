//! What handlers may hold: repositories, each for itself, never pools.

use axum::extract::FromRef;

use super::cookie::SessionCookie;
use crate::{
    auth::PasswordHasher,
    clock::Clock,
    rate_limit::Limiter,
    repository::{FollowRepository, HomeRepository, PostRepository, SessionRepository, UserRepository},
};

/// The parts that handlers ask for one by one, as `State<UserRepository>` and so on.
#[derive(Clone, Debug, FromRef)]
pub struct ApiState {
    /// Users.
    pub users: UserRepository,
    /// Sessions.
    pub sessions: SessionRepository,
    /// Posts.
    pub posts: PostRepository,
    /// Who follows whom.
    pub follows: FollowRepository,
    /// Home pages.
    pub home: HomeRepository,
    /// Hashes passwords.
    pub hasher: PasswordHasher,
    /// Decides who may go on.
    pub limiter: Limiter,
    /// The session cookie of this service.
    pub cookie: SessionCookie,
    /// The time.
    pub clock: Clock,
}
