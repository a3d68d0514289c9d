//! Readiness of this replica, and the dependencies that it lacks.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aside_runtime::shutdown::Shutdown;
use futures::future::BoxFuture;

/// The name of the dependency without which a replica is not ready: the tables, and the right to use them.
pub const SCHEMA: &str = "schema";

/// Names the missing dependencies (`redis`, `postgres`, [`SCHEMA`]). Its time is bounded.
pub type Probe = Arc<dyn Fn() -> BoxFuture<'static, Vec<&'static str>> + Send + Sync>;

/// The state behind `/readyz`. Clones share it.
#[derive(Clone)]
pub struct Readiness {
    migrated: Arc<AtomicBool>,
    shutdown: Shutdown,
    probe: Probe,
}

impl Readiness {
    /// Not ready: the migrations are not done.
    #[must_use]
    pub fn new(shutdown: Shutdown, probe: Probe) -> Self {
        Self { migrated: Arc::default(), shutdown, probe }
    }

    /// The migrations are done.
    pub fn set_migrated(&self) {
        self.migrated.store(true, Ordering::Release);
    }

    /// Whether migrations are done and no shutdown is announced. Redis and Postgres do not count: if all replicas left the load
    /// balancer together with a dependency that they share, a slow service would become an outage.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.migrated.load(Ordering::Acquire) && !self.shutdown.is_announced()
    }

    /// The missing dependencies. Without [`SCHEMA`] the replica is not ready either.
    pub async fn missing(&self) -> Vec<&'static str> {
        (self.probe)().await
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readiness").field("migrated", &self.migrated).finish_non_exhaustive()
    }
}
