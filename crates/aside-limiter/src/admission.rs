//! The answer of the limiter, and the texts of its headers (draft-ietf-httpapi-ratelimit-headers-10).

use std::time::Duration;

use super::{
    decisions::Decision,
    policy::{Limit, Policy, Quota, window_seconds},
    ticket::Ticket,
    window::Reading,
};

/// Whether a request may go on, and what its client may know about it.
#[derive(Debug, Default)]
pub struct Admission {
    /// How the policies that apply stand, in the order of the charges; empty when all are off.
    pub statuses: Vec<LimitStatus>,
    /// Why it may not go on; `None` when it may.
    pub refusal: Option<Refusal>,
    /// Who decided; `None` when nothing had to be decided, for all policies are off.
    pub decision: Option<Decision>,
    /// When Redis decided, by its own clock, in microseconds since the Unix epoch; `None` when this process decided.
    /// Decisions of all replicas can be held against each other by it.
    pub redis_time_us: Option<u64>,
    /// What gives charges back; see [`take_tickets`](Self::take_tickets).
    pub(super) tickets: Vec<Ticket>,
}

/// One policy of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitStatus {
    /// The policy.
    pub policy: Policy,
    /// What it allows.
    pub quota: Quota,
    /// What is left of it. `None` for the policies of a refused request that did not refuse it: nothing was charged.
    pub room: Option<Room>,
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Requests that would be admitted now.
    pub remaining: u32,
    /// Until there will be more: the oldest requests that count leave the window. Some may leave later.
    pub reset: Duration,
}

/// Why a request may not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The policies without room, one for each name, the one that lasts longest first; never empty.
    pub policies: Vec<Policy>,
    /// Until this request would be admitted, if no other came. Not before the [`Room::reset`] of its policies.
    pub retry_after: Duration,
}

impl Refusal {
    /// The policy that lasts longest.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policies[0]
    }

    /// [`retry_after`](Self::retry_after) for a `Retry-After` header: whole seconds, rounded up, so at least one.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        seconds_up(self.retry_after)
    }
}

impl Admission {
    /// Builds the answer out of what is known of each limit; `None` where nothing is.
    pub(super) fn new(limits: &[Limit], readings: &[Option<Reading>], decision: Decision) -> Self {
        let refusal = refusal(limits, readings);
        let statuses = limits.iter().zip(readings).map(|(limit, reading)| {
            let told = reading.filter(|reading| refusal.is_none() || reading.retry_in.is_some());
            LimitStatus { policy: limit.policy(), quota: limit.quota, room: told.map(|reading| room(limit, reading)) }
        });
        Self {
            statuses: statuses.collect(),
            refusal,
            decision: Some(decision),
            redis_time_us: None,
            tickets: Vec::new(),
        }
    }

    /// Whether the request may go on.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.refusal.is_none()
    }

    /// What gives the charges back that only failures keep, each once; empty when there is nothing to give back.
    #[must_use]
    pub fn take_tickets(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.tickets)
    }

    /// `RateLimit-Policy`: `"signed-in";q=600;w=60`, of all policies that apply; of two with one name, the one with less room.
    /// `None` when there are none.
    #[must_use]
    pub fn policy_header(&self) -> Option<String> {
        let quotas = self.told().map(|LimitStatus { policy, quota, .. }| {
            (*policy, [("q", quota.requests.into()), ("w", window_seconds(quota.window))])
        });
        list(quotas)
    }

    /// The statuses that a client is told: one for each name.
    fn told(&self) -> impl Iterator<Item = &LimitStatus> {
        self.statuses.iter().enumerate().filter_map(|(at, status)| {
            let rank = |at: usize, status: &LimitStatus| (status.room.map_or(u32::MAX, |room| room.remaining), at);
            let mut others = self.statuses.iter().enumerate();
            let is_told = others.all(|(other_at, other)| {
                other.policy.name() != status.policy.name() || rank(at, status) <= rank(other_at, other)
            });
            is_told.then_some(status)
        })
    }

    /// `RateLimit`: `"signed-in";r=599;t=60`, of the policies charged, or of those that refused; `None` when there are
    /// none.
    ///
    /// `t` is in whole seconds, rounded up, and at most the window, so that `Retry-After` is never before it. (A slice
    /// counts for a window and a sixtieth of it; a client that goes by `r` and `t` comes too early by the sixtieth at most.)
    #[must_use]
    pub fn limit_header(&self) -> Option<String> {
        let rooms = self.told().filter_map(|LimitStatus { policy, quota, room }| {
            let Room { remaining, reset } = (*room)?;
            let seconds = seconds_up(reset).min(window_seconds(quota.window));
            Some((*policy, [("r", remaining.into()), ("t", seconds)]))
        });
        list(rooms)
    }
}

fn refusal(limits: &[Limit], readings: &[Option<Reading>]) -> Option<Refusal> {
    let waits =
        limits.iter().zip(readings).filter_map(|(limit, reading)| Some(((*reading)?.retry_in?, limit.policy())));
    let mut waits: Vec<(Duration, Policy)> = waits.collect();
    waits.sort_by(|(one, _), (other, _)| other.cmp(one));
    let retry_after = waits.first()?.0;
    let mut policies: Vec<Policy> = Vec::new();
    for (_, policy) in waits {
        if policies.iter().all(|other| other.name() != policy.name()) {
            policies.push(policy);
        }
    }
    Some(Refusal { policies, retry_after })
}

fn room(limit: &Limit, reading: Reading) -> Room {
    // More than the quota is counted where another replica allows more.
    let remaining = u64::from(limit.quota.requests).saturating_sub(reading.used);
    Room {
        remaining: u32::try_from(remaining).unwrap_or(limit.quota.requests),
        reset: reading.frees_in.unwrap_or_default(),
    }
}

/// A list of structured fields (RFC 9651): names of policies with integers as parameters. An empty one is no field at all.
fn list(items: impl Iterator<Item = (Policy, [(&'static str, u64); 2])>) -> Option<String> {
    let items = items.map(|(policy, [(one, first), (other, second)])| {
        format!("\"{}\";{one}={first};{other}={second}", policy.name())
    });
    let list = items.collect::<Vec<_>>().join(", ");
    (!list.is_empty()).then_some(list)
}

fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
