//! The limiter against a real Redis.

mod advances;
mod limiter;
mod outage;
mod processes;
mod replicas;
mod script;

use std::time::Duration;

use aside::{
    config::{Quota, RateLimitConfig},
    rate_limit::{Admission, Charge, Decision, Limiter, Policy},
    telemetry::metrics::{DecisionLabels, Metrics},
};

use crate::test_redis::TestRedis;

fn quota(requests: u32, window_s: u64) -> Quota {
    Quota { requests, window: Duration::from_secs(window_s) }
}

/// The same quota for every policy.
fn all(quota: Quota) -> RateLimitConfig {
    RateLimitConfig { anonymous: Some(quota), signed_in: Some(quota), login: Some(quota) }
}

fn limiter(redis: &TestRedis, config: &RateLimitConfig) -> Limiter {
    Limiter::new(config, &redis.client, &redis.metrics, &redis.shutdown)
}

async fn admit(limiter: &Limiter, policy: Policy, client: &str) -> Admission {
    limiter.admit(&[Charge::new(policy, client)]).await
}

/// What is left of the policy at `place` in the request.
fn remaining(admission: &Admission, place: usize) -> Option<u32> {
    admission.standings[place].room.map(|room| room.remaining)
}

fn counted(metrics: &Metrics, policy: Policy, decision: Decision) -> u64 {
    let labels = DecisionLabels { policy: policy.as_str(), decision: decision.as_str() };
    metrics.rate_limit_decisions.get_or_create(&labels).get()
}
