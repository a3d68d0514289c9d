//! Whether this replica should get requests, and what it does without.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aside_runtime::shutdown::Shutdown;
use futures::future::BoxFuture;

/// What no replica can do without: tables, and the right to use them.
pub const SCHEMA: &str = "schema";

/// Names what cannot be reached or used just now (`redis`, `postgres`, [`SCHEMA`]). Answers within a bound of its own.
pub type Probe = Arc<dyn Fn() -> BoxFuture<'static, Vec<&'static str>> + Send + Sync>;

/// What `/readyz` answers from. Clones are handles to the same.
#[derive(Clone)]
pub struct Readiness {
    migrated: Arc<AtomicBool>,
    shutdown: Shutdown,
    probe: Probe,
}

impl Readiness {
    /// Not ready: the migrations are still to come.
    #[must_use]
    pub fn new(shutdown: Shutdown, probe: Probe) -> Self {
        Self { migrated: Arc::default(), shutdown, probe }
    }

    /// From here on requests are welcome.
    pub fn set_migrated(&self) {
        self.migrated.store(true, Ordering::Release);
    }

    /// Not before the migrations, not once the shutdown is announced. Otherwise always, as far as only the process is asked: a
    /// replica without Redis answers, and taking all replicas out because what they share is away would turn slow into down.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.migrated.load(Ordering::Acquire) && !self.shutdown.is_announced()
    }

    /// What it has to do without. Without [`SCHEMA`] it is not ready either.
    pub async fn missing(&self) -> Vec<&'static str> {
        (self.probe)().await
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readiness").field("migrated", &self.migrated).finish_non_exhaustive()
    }
}
