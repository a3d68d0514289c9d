//! The metrics of one application, in a registry of its own: tests run several applications in one process.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
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

/// Labels of `redis_errors_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RedisErrorLabels {
    /// The first word of Redis's error, `timeout`, `io`, or `other`.
    pub word: &'static str,
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

/// From 50 microseconds to 10 seconds: a hit in Redis and a request that ran into its deadline both land inside.
const SECONDS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Makes histograms of [`SECONDS`]; a named type, so that the families below have one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

/// A histogram of durations by labels.
pub type DurationFamily<L> = Family<L, Histogram, Seconds>;

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
    /// `redis_up`: 1 while at least one connection works and replies are not too late to be of use.
    pub redis_up: Gauge,
    /// `redis_command_duration_seconds`: a round trip, whatever is pipelined in it.
    pub redis_command_duration: Histogram,
    /// `redis_errors_total`: error replies and failed commands.
    pub redis_errors: Family<RedisErrorLabels, Counter>,
    /// `redis_replies_out_of_step_total`: replies that were not those of their commands; each ended its connection.
    pub redis_replies_out_of_step: Counter,
    /// `cache_damaged_entries_total`: values that were not what was stored under their key.
    pub cache_damaged_entries: Counter,
    /// `db_pool_connections`: open ones.
    pub db_pool_connections: Gauge,
    /// `db_pool_idle_connections`: those of them not in use.
    pub db_pool_idle_connections: Gauge,
}

impl Metrics {
    /// All metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
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
            redis_up: Gauge::default(),
            redis_command_duration: Histogram::new(SECONDS),
            redis_errors: Family::default(),
            redis_replies_out_of_step: Counter::default(),
            cache_damaged_entries: Counter::default(),
            db_pool_connections: Gauge::default(),
            db_pool_idle_connections: Gauge::default(),
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
            "redis_up",
            "1 while a connection to Redis works, fast enough to be of use",
            self.redis_up.clone(),
        );
        registry.register(
            "redis_command_duration_seconds",
            "Round trips to Redis, pipelines counted once",
            self.redis_command_duration.clone(),
        );
        registry.register("redis_errors", "Error replies of Redis and failed commands", self.redis_errors.clone());
        registry.register(
            "redis_replies_out_of_step",
            "Replies of Redis that were not those of their commands",
            self.redis_replies_out_of_step.clone(),
        );
        registry.register(
            "cache_damaged_entries",
            "Values that were not what was stored under their key",
            self.cache_damaged_entries.clone(),
        );
        registry.register("db_pool_connections", "Open connections to Postgres", self.db_pool_connections.clone());
        registry.register(
            "db_pool_idle_connections",
            "Open connections to Postgres that are not in use",
            self.db_pool_idle_connections.clone(),
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

/// A duration as histograms take it.
pub trait ObserveDuration {
    /// Counts one duration, in seconds.
    fn observe_duration(&self, duration: Duration);
}

impl ObserveDuration for Histogram {
    fn observe_duration(&self, duration: Duration) {
        self.observe(duration.as_secs_f64());
    }
}
