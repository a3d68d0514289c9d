//! What is counted of a cache.

use aside_runtime::metrics::{DurationFamily, Seconds};
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// What became of one entry that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheOutcome {
    /// Among the near entries of this process.
    NearHit,
    /// In Redis.
    RedisHit,
    /// Loaded from Postgres by this reader.
    Miss,
    /// Answered by a load, or a lookup, that several readers share.
    Collapsed,
    /// In Redis, past its soft end: served while one reader refreshes it, or while Postgres cannot be reached.
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

/// Labels of the metrics that count by kind of entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EntityLabels {
    /// The kind's name, as its loader has it.
    pub entity: &'static str,
}

/// Labels of `cache_requests_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
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

/// The metrics of one cache. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// `cache_requests_total`: entries that were asked for.
    pub requests: Family<RequestLabels, Counter>,
    /// `cache_loads_total`.
    pub loads: Family<EntityLabels, Counter>,
    /// `cache_load_duration_seconds`.
    pub load_duration: DurationFamily<EntityLabels>,
    /// `cache_fills_rejected_total`.
    pub fills_rejected: Family<EntityLabels, Counter>,
    /// `cache_invalidations_total`.
    pub invalidations: Family<SourceLabels, Counter>,
    /// `cache_invalidation_lag_seconds`: from the reply to COMMIT to the reply to the release.
    pub invalidation_lag: DurationFamily<SourceLabels>,
    /// `cache_consistency_checks_total`: entries that the self-check compared with Postgres.
    pub consistency_checks: Family<EntityLabels, Counter>,
    /// `cache_inconsistencies_total`: entries that were wrong, and were discarded.
    pub inconsistencies: Family<EntityLabels, Counter>,
    /// `cache_damaged_entries_total`: values that were not what was stored under their key.
    pub damaged_entries: Counter,
}

impl Metrics {
    /// Metrics at zero, registered here.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        // The encoder appends `_total` to counters.
        registry.register("cache_requests", "Entries asked for, by outcome", metrics.requests.clone());
        registry.register("cache_loads", "Loads from Postgres for the cache", metrics.loads.clone());
        registry.register(
            "cache_load_duration_seconds",
            "Duration of loads from Postgres for the cache",
            metrics.load_duration.clone(),
        );
        registry.register(
            "cache_fills_rejected",
            "Fills refused because the entry was written meanwhile",
            metrics.fills_rejected.clone(),
        );
        registry.register("cache_invalidations", "Entries invalidated", metrics.invalidations.clone());
        registry.register(
            "cache_invalidation_lag_seconds",
            "From the commit of a write to the end of its invalidation",
            metrics.invalidation_lag.clone(),
        );
        registry.register(
            "cache_consistency_checks",
            "Entries compared with Postgres by the self-check",
            metrics.consistency_checks.clone(),
        );
        registry.register(
            "cache_inconsistencies",
            "Entries that the self-check found wrong and discarded",
            metrics.inconsistencies.clone(),
        );
        registry.register(
            "cache_damaged_entries",
            "Values that were not what was stored under their key",
            metrics.damaged_entries.clone(),
        );
        metrics
    }
}

/// Metrics at zero, in no registry.
impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            loads: Family::default(),
            load_duration: DurationFamily::new_with_constructor(Seconds),
            fills_rejected: Family::default(),
            invalidations: Family::default(),
            invalidation_lag: DurationFamily::new_with_constructor(Seconds),
            consistency_checks: Family::default(),
            inconsistencies: Family::default(),
            damaged_entries: Counter::default(),
        }
    }
}
