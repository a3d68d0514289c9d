//! What is counted on the way to Redis.

use aside_runtime::metrics::duration_histogram;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Labels of `redis_errors_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ErrorLabels {
    /// The first word of Redis's error, `timeout`, `io`, or `other`.
    pub word: &'static str,
}

/// The metrics of one client. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// `redis_up`: 1 while at least one connection works and replies come in time to be of use.
    pub up: Gauge,
    /// `redis_command_duration_seconds`: a round trip, with all commands that are pipelined in it.
    pub command_duration: Histogram,
    /// `redis_errors_total`: error replies and failed commands.
    pub errors: Family<ErrorLabels, Counter>,
    /// `redis_replies_out_of_step_total`: replies that were not those of their commands; each ended its connection.
    pub replies_out_of_step: Counter,
}

impl Metrics {
    /// Metrics at zero, registered here.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "redis_up",
            "1 while a connection to Redis works, fast enough to be of use",
            metrics.up.clone(),
        );
        registry.register(
            "redis_command_duration_seconds",
            "Round trips to Redis, pipelines counted once",
            metrics.command_duration.clone(),
        );
        // The encoder appends `_total` to counters.
        registry.register("redis_errors", "Error replies of Redis and failed commands", metrics.errors.clone());
        registry.register(
            "redis_replies_out_of_step",
            "Replies of Redis that were not those of their commands",
            metrics.replies_out_of_step.clone(),
        );
        metrics
    }
}

/// Metrics at zero, in no registry.
impl Default for Metrics {
    fn default() -> Self {
        Self {
            up: Gauge::default(),
            command_duration: duration_histogram(),
            errors: Family::default(),
            replies_out_of_step: Counter::default(),
        }
    }
}
