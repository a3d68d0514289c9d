//! `rate_limit_decisions_total`: every series is made at the start, so that a rate of a first refusal can be computed.

use prometheus_client::metrics::counter::Counter;

use super::policy::Policy;
use crate::telemetry::metrics::{DecisionLabels, Metrics};

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
pub(super) struct Decisions([[Counter; Decision::ALL.len()]; Policy::ALL.len()]);

impl Decisions {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self(Policy::ALL.map(|policy| {
            Decision::ALL.map(|decision| {
                let labels = DecisionLabels { policy: policy.as_str(), decision: decision.as_str() };
                metrics.rate_limit_decisions.get_or_create(&labels).clone()
            })
        }))
    }

    /// Counts one decision under each of these policies.
    pub(super) fn count(&self, policies: impl IntoIterator<Item = Policy>, decision: Decision) {
        for policy in policies {
            self.0[policy as usize][decision as usize].inc();
        }
    }
}
