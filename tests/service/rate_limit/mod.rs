//! The limiter against a real Redis.

mod advances;
mod limiter;
mod outage;
mod processes;
mod replicas;
mod script;

use std::time::Duration;

use aside::rate_limit;
use aside::{config::RateLimitConfig, telemetry::metrics::Metrics};
use aside_limiter::{Admission, Charge, Decision, DecisionLabels, Limiter, Policy, Quota};

use crate::test_redis::TestRedis;

fn quota(requests: u32, window_s: u64) -> Quota {
    Quota { requests, window: Duration::from_secs(window_s) }
}

/// The same quota for every policy.
fn all(quota: Quota) -> RateLimitConfig {
    RateLimitConfig { anonymous: Some(quota), signed_in: Some(quota), login: Some(quota) }
}

fn limiter(redis: &TestRedis, config: &RateLimitConfig) -> Limiter {
    rate_limit::limiter(config, &redis.client, &redis.metrics.limiter, &redis.shutdown)
}

async fn admit(limiter: &Limiter, policy: Policy, client: &str) -> Admission {
    limiter.admit(&[Charge::new(policy, client)]).await
}

/// What is left of the policy at `place` in the request.
fn remaining(admission: &Admission, place: usize) -> Option<u32> {
    admission.statuses[place].room.map(|room| room.remaining)
}

fn counted(metrics: &Metrics, policy: Policy, decision: Decision) -> u64 {
    let labels = DecisionLabels { policy: policy.name(), decision: decision.as_str() };
    metrics.limiter.decisions.get_or_create(&labels).get()
}
