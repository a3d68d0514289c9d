//! The service's policies, and the limiter that knows their quotas.

use std::time::Duration;

use aside_limiter::{Limiter, Metrics, Policy, Quota};
use aside_redis::RedisClient;
use aside_runtime::shutdown::Shutdown;

use crate::config::RateLimitConfig;

/// Requests without a good token, by address.
pub const ANONYMOUS: Policy = Policy::new("anonymous").leased();
/// Requests with one, by user.
pub const SIGNED_IN: Policy = Policy::new("signed-in").leased();
/// Sign-ins, registrations and password checks, by address.
pub const LOGIN_ADDRESS: Policy = Policy::new("login-address");
/// Failed ones, by account and address together: charged up front, so that parallel guesses count, and given back on success.
pub const LOGIN_ACCOUNT: Policy = Policy::new("login-account").refundable();
/// Failed ones, by account, from anywhere: likewise, with a quota that a stranger does not use up in passing.
pub const LOGIN_ACCOUNT_ANYWHERE: Policy = LOGIN_ACCOUNT.labelled("anywhere");

/// NIST SP 800-63B allows at most 100 failures in a row for one account.
const ACCOUNT_ANYWHERE: Quota = Quota { requests: 100, window: Duration::from_hours(1) };

/// The policies that are not off, and their quotas.
#[must_use]
pub fn quotas(config: &RateLimitConfig) -> Vec<(Policy, Quota)> {
    let RateLimitConfig { anonymous, signed_in, login } = *config;
    let all = [
        (ANONYMOUS, anonymous),
        (SIGNED_IN, signed_in),
        (LOGIN_ADDRESS, login),
        (LOGIN_ACCOUNT, login),
        (LOGIN_ACCOUNT_ANYWHERE, login.map(|_on| ACCOUNT_ANYWHERE)),
    ];
    all.into_iter().filter_map(|(policy, quota)| Some((policy, quota?))).collect()
}

/// The limiter of these settings.
#[must_use]
pub fn limiter(config: &RateLimitConfig, redis: &RedisClient, metrics: &Metrics, shutdown: &Shutdown) -> Limiter {
    Limiter::new(quotas(config), redis, metrics, shutdown)
}
