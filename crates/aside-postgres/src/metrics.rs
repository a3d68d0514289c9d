//! What is measured of the pool.

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

/// The metrics of one pool. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// `db_pool_connections`: open connections.
    pub connections: Gauge,
    /// `db_pool_idle_connections`: open connections that are not in use.
    pub idle_connections: Gauge,
}

impl Metrics {
    /// Metrics at zero, registered here.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("db_pool_connections", "Open connections to Postgres", metrics.connections.clone());
        registry.register(
            "db_pool_idle_connections",
            "Open connections to Postgres that are not in use",
            metrics.idle_connections.clone(),
        );
        metrics
    }
}
