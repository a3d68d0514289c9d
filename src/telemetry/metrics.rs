//! The metrics of one application, in a registry of its own: tests run several applications in one process.

use std::sync::Arc;

use aside_runtime::metrics::{DurationFamily, Seconds};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

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
    /// Of the limiter.
    pub limiter: aside_limiter::Metrics,
    /// Of the cache.
    pub cache: aside_cache::Metrics,
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
            limiter: aside_limiter::Metrics::register(&mut registry),
            cache: aside_cache::Metrics::register(&mut registry),
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
