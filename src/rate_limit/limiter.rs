//! The limiter: memory of refusals, then Redis, then this process alone.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    admission::Admission,
    decisions::{Decision, Decisions},
    local::LocalLimiter,
    policy::{Charge, Limit, Quotas},
    refusals::Refusals,
    shared::{ChargedKey, SharedLimiter},
    ticket::{Place, Ticket},
    verdict::Verdict,
    window::Reading,
};
use crate::{
    config::RateLimitConfig,
    redis_client::{RedisClient, RedisError},
    telemetry::metrics::Metrics,
};

/// Admits or refuses requests. Clones share what they remember.
#[derive(Clone, Debug)]
pub struct Limiter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    quotas: Quotas,
    refusals: Refusals,
    shared: SharedLimiter,
    local: LocalLimiter,
    decisions: Decisions,
}

impl Limiter {
    /// A limiter over all replicas that use the same Redis.
    #[must_use]
    pub fn new(config: &RateLimitConfig, redis: RedisClient, metrics: &Metrics) -> Self {
        let inner = Inner {
            quotas: Quotas::new(config),
            refusals: Refusals::new(),
            shared: SharedLimiter::new(redis),
            local: LocalLimiter::new(),
            decisions: Decisions::new(metrics),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Decides on one request: every charge is admitted and counted, or none is counted. A charge whose policy is off,
    /// or that is there twice, is left out.
    ///
    /// Asks Redis at most once, for at most `REDIS_COMMAND_TIMEOUT`; never fails. When Redis gives no answer, which does
    /// not mean that it has not charged, this process decides for itself and does not ask again.
    ///
    /// # Cancel safety
    ///
    /// A request dropped while it waits may have been charged.
    pub async fn admit(&self, charges: &[Charge]) -> Admission {
        let inner = &*self.inner;
        let limits = inner.quotas.limits(charges);
        if limits.is_empty() {
            return Admission::default();
        }
        let admission = match inner.refused_before(&limits) {
            Some(admission) => admission,
            None => inner.decide(limits).await,
        };
        inner.count(&admission);
        admission
    }

    /// Gives a charge back where it was made. When Redis does not answer, the charge stands until it leaves the window.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the command is sent, nothing is given back; after that it is.
    pub async fn refund(&self, ticket: Ticket) {
        let Ticket { limit, bucket, place } = ticket;
        match place {
            Place::Local => self.inner.local.refund(&limit, bucket),
            Place::Shared(key) => {
                if let Err(error) = self.inner.shared.refund(key, &limit, bucket).await {
                    log_failure("refund", &error);
                }
            }
        }
    }
}

impl Inner {
    /// The answer to a request that Redis would certainly refuse.
    fn refused_before(&self, limits: &[Limit]) -> Option<Admission> {
        let now = Instant::now();
        let readings: Vec<Option<Reading>> =
            limits.iter().map(|limit| self.refusals.wait(&limit.name, now).map(|wait| spent(limit, wait))).collect();
        let known = readings.iter().any(Option::is_some);
        known.then(|| Admission::new(limits, &readings, Decision::DeniedLocal))
    }

    async fn decide(&self, limits: Vec<Limit>) -> Admission {
        let asked = Instant::now();
        match self.shared.admit(&limits).await {
            Ok((verdict, keys)) => {
                self.remember(&limits, &verdict, asked);
                by_redis(limits, &verdict, keys)
            }
            Err(error) => {
                log_failure("admit", &error);
                let verdict = self.local.admit(&limits);
                by_this_process(limits, &verdict)
            }
        }
    }

    fn remember(&self, limits: &[Limit], verdict: &Verdict, asked: Instant) {
        let answered = Instant::now();
        for (limit, reading) in limits.iter().zip(&verdict.readings) {
            if let Some(retry_in) = reading.retry_in.filter(|_| !limit.policy.is_refundable()) {
                self.refusals.remember(&limit.name, asked, answered, retry_in);
            }
        }
    }

    /// An admission counts under every policy, a refusal under the one that lasts longest.
    fn count(&self, admission: &Admission) {
        let Some(decision) = admission.decision else { return };
        match &admission.refusal {
            None => self.decisions.count(admission.standings.iter().map(|standing| standing.policy), decision),
            Some(refusal) => self.decisions.count([refusal.policy()], decision),
        }
    }
}

/// A limit without room for so long, as far as is remembered.
fn spent(limit: &Limit, wait: Duration) -> Reading {
    Reading { used: limit.quota.requests.into(), frees_in: Some(wait), retry_in: Some(wait) }
}

fn by_redis(limits: Vec<Limit>, verdict: &Verdict, keys: Vec<ChargedKey>) -> Admission {
    let decision = if verdict.is_admission() { Decision::Allowed } else { Decision::Denied };
    let mut admission = admission(&limits, verdict, decision);
    admission.redis_time_us = Some(verdict.time_us);
    let places = keys.into_iter().map(Place::Shared);
    admission.ticket = ticket(limits, verdict, places);
    admission
}

fn by_this_process(limits: Vec<Limit>, verdict: &Verdict) -> Admission {
    let mut admission = admission(&limits, verdict, Decision::Fallback);
    admission.ticket = ticket(limits, verdict, std::iter::repeat_with(|| Place::Local));
    admission
}

fn admission(limits: &[Limit], verdict: &Verdict, decision: Decision) -> Admission {
    let readings: Vec<Option<Reading>> = verdict.readings.iter().copied().map(Some).collect();
    Admission::new(limits, &readings, decision)
}

fn ticket(limits: Vec<Limit>, verdict: &Verdict, places: impl Iterator<Item = Place>) -> Option<Ticket> {
    if !verdict.is_admission() {
        return None;
    }
    let (limit, place) = limits.into_iter().zip(places).find(|(limit, _)| limit.policy.is_refundable())?;
    Some(Ticket { bucket: limit.cut.bucket_at(verdict.time_us), limit, place })
}

/// One line at debug: Redis being away is told once, by its connections.
fn log_failure(command: &'static str, error: &RedisError) {
    tracing::debug!(command, error = error as &dyn std::error::Error, "the limiter did not get an answer of redis");
}
