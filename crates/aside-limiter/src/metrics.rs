//! What is counted of the limiter.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Labels of `rate_limit_decisions_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DecisionLabels {
    /// The policy's name.
    pub policy: &'static str,
    /// `allowed`, `denied`, `denied_local` or `fallback`.
    pub decision: &'static str,
}

/// The metrics of one limiter. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// `rate_limit_decisions_total`.
    pub decisions: Family<DecisionLabels, Counter>,
}

impl Metrics {
    /// Metrics at zero, registered here.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        // The encoder appends `_total` to counters.
        registry.register("rate_limit_decisions", "Decisions of the limiter", metrics.decisions.clone());
        metrics
    }
}
