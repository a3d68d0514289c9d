//! The metrics of one application, in a registry of its own: tests run several applications in one process.

use std::sync::Arc;

use aside_runtime::metrics::{DurationFamily, Seconds};
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// What became of one cell asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheOutcome {
    /// Among the copies in this process.
    NearHit,
    /// In the shared cache.
    RedisHit,
    /// Loaded from Postgres by this reader.
    Miss,
    /// Answered by a load, or a look, that several readers share.
    Collapsed,
    /// In the shared cache, past its soft end: served while somebody refreshes it, or while Postgres cannot be reached.
    Stale,
    /// The cache is off, down, or holds a fence.
    Bypass,
}

impl CacheOutcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::NearHit, Self::RedisHit, Self::Miss, Self::Collapsed, Self::Stale, Self::Bypass];

    /// The word of the metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NearHit => "near_hit",
            Self::RedisHit => "redis_hit",
            Self::Miss => "miss",
            Self::Collapsed => "collapsed",
            Self::Stale => "stale",
            Self::Bypass => "bypass",
        }
    }
}

impl EncodeLabelValue for CacheOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

/// Labels of the metrics that count by kind of cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EntityLabels {
    /// `user`, `post`, `session`, `timeline`, `following` or `front_page`.
    pub entity: &'static str,
}

/// Labels of `cache_requests_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CacheRequestLabels {
    /// As in [`EntityLabels`].
    pub entity: &'static str,
    /// What became of it.
    pub outcome: CacheOutcome,
}

/// Labels of `cache_invalidations_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceLabels {
    /// `inline`: by the writer itself.
    pub source: &'static str,
}

/// Labels of `rate_limit_decisions_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DecisionLabels {
    /// `anonymous`, `signed-in`, `login-address` or `login-account`.
    pub policy: &'static str,
    /// `allowed`, `denied`, `denied_local` or `fallback`.
    pub decision: &'static str,
}

/// Labels of the HTTP metrics.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HttpLabels {
    /// The method, `other` for one that is not of the standard ones.
    pub method: &'static str,
    /// The route's pattern, `unmatched` for others.
    pub route: Arc<str>,
    /// The status code.
    pub status: u16,
}

/// Every metric, to be cloned into an `Arc` and handed to the layers.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// `http_requests_total`.
    pub http_requests: Family<HttpLabels, Counter>,
    /// `http_request_duration_seconds`.
    pub http_request_duration: DurationFamily<HttpLabels>,
    /// `cache_requests_total`.
    pub cache_requests: Family<CacheRequestLabels, Counter>,
    /// `cache_loads_total`.
    pub cache_loads: Family<EntityLabels, Counter>,
    /// `cache_load_duration_seconds`.
    pub cache_load_duration: DurationFamily<EntityLabels>,
    /// `cache_fills_rejected_total`.
    pub cache_fills_rejected: Family<EntityLabels, Counter>,
    /// `cache_invalidations_total`.
    pub cache_invalidations: Family<SourceLabels, Counter>,
    /// `cache_invalidation_lag_seconds`: from the reply to COMMIT to the reply to the lift.
    pub cache_invalidation_lag: DurationFamily<SourceLabels>,
    /// `cache_consistency_checks_total`: cells compared with Postgres by the self-check.
    pub cache_consistency_checks: Family<EntityLabels, Counter>,
    /// `cache_inconsistencies_total`: those of them that were wrong, and were discarded.
    pub cache_inconsistencies: Family<EntityLabels, Counter>,
    /// `rate_limit_decisions_total`.
    pub rate_limit_decisions: Family<DecisionLabels, Counter>,
    /// `cache_damaged_entries_total`: values that were not what was stored under their key.
    pub cache_damaged_entries: Counter,
    /// Of the way to Redis.
    pub redis: aside_redis::Metrics,
    /// Of the pool.
    pub pool: aside_postgres::Metrics,
}

impl Metrics {
    /// All metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let mut metrics = Self {
            http_requests: Family::default(),
            http_request_duration: DurationFamily::new_with_constructor(Seconds),
            cache_requests: Family::default(),
            cache_loads: Family::default(),
            cache_load_duration: DurationFamily::new_with_constructor(Seconds),
            cache_fills_rejected: Family::default(),
            cache_invalidations: Family::default(),
            cache_invalidation_lag: DurationFamily::new_with_constructor(Seconds),
            cache_consistency_checks: Family::default(),
            cache_inconsistencies: Family::default(),
            rate_limit_decisions: Family::default(),
            cache_damaged_entries: Counter::default(),
            redis: aside_redis::Metrics::register(&mut registry),
            pool: aside_postgres::Metrics::register(&mut registry),
            registry,
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        // The encoder appends `_total` to counters.
        registry.register("http_requests", "Requests answered", self.http_requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "From the head of a request to the head of its answer",
            self.http_request_duration.clone(),
        );
        registry.register("cache_requests", "Cells asked for, by outcome", self.cache_requests.clone());
        registry.register("cache_loads", "Loads from Postgres for the cache", self.cache_loads.clone());
        registry.register(
            "cache_load_duration_seconds",
            "Duration of loads from Postgres for the cache",
            self.cache_load_duration.clone(),
        );
        registry.register(
            "cache_fills_rejected",
            "Fills refused because the cell was written meanwhile",
            self.cache_fills_rejected.clone(),
        );
        registry.register("cache_invalidations", "Cells invalidated", self.cache_invalidations.clone());
        registry.register(
            "cache_invalidation_lag_seconds",
            "From the commit of a write to the end of its invalidation",
            self.cache_invalidation_lag.clone(),
        );
        registry.register(
            "cache_consistency_checks",
            "Cells compared with Postgres by the self-check",
            self.cache_consistency_checks.clone(),
        );
        registry.register(
            "cache_inconsistencies",
            "Cells that the self-check found wrong and discarded",
            self.cache_inconsistencies.clone(),
        );
        registry.register("rate_limit_decisions", "Decisions of the limiter", self.rate_limit_decisions.clone());
        registry.register(
            "cache_damaged_entries",
            "Values that were not what was stored under their key",
            self.cache_damaged_entries.clone(),
        );
    }

    /// All of them, as OpenMetrics 1.0.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("writing to a String does not fail");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
