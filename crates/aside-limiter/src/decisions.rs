//! `rate_limit_decisions_total`: every series is made at the start, so that a rate of a first refusal can be computed.

use prometheus_client::metrics::counter::Counter;

use super::{
    metrics::{DecisionLabels, Metrics},
    policy::Policy,
};

/// Who decided, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Redis admitted the request.
    Allowed,
    /// Redis refused it.
    Denied,
    /// Redis had refused this client before, and its time is not over; Redis was not asked.
    DeniedLocal,
    /// Redis is away: decided, either way, by what this process alone has counted.
    Fallback,
}

impl Decision {
    const ALL: [Self; 4] = [Self::Allowed, Self::Denied, Self::DeniedLocal, Self::Fallback];

    /// The word of the metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::DeniedLocal => "denied_local",
            Self::Fallback => "fallback",
        }
    }
}

/// The counters, by policy and decision.
#[derive(Debug)]
pub(super) struct Decisions(Vec<(Policy, [Counter; Decision::ALL.len()])>);

impl Decisions {
    pub(super) fn new(metrics: &Metrics, policies: impl Iterator<Item = Policy>) -> Self {
        let counters = |policy: Policy| {
            Decision::ALL.map(|decision| {
                let labels = DecisionLabels { policy: policy.name(), decision: decision.as_str() };
                metrics.decisions.get_or_create(&labels).clone()
            })
        };
        Self(policies.map(|policy| (policy, counters(policy))).collect())
    }

    /// Counts one decision under each of these policies.
    pub(super) fn count(&self, policies: impl IntoIterator<Item = Policy>, decision: Decision) {
        for policy in policies {
            if let Some((_, counters)) = self.0.iter().find(|(known, _)| *known == policy) {
                counters[decision as usize].inc();
            }
        }
    }
}
