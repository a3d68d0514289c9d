//! The end of the process: soft on the first signal, hard on the second, with every background task tracked.

use std::future::Future;

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Tells tasks to stop and knows which still run. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Nothing is stopping yet, nothing is running.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything to stop. Idempotent.
    pub fn start(&self) {
        self.token.cancel();
        self.tasks.close();
    }

    /// Whether [`start`](Self::start) was called.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Resolves once [`start`](Self::start) was called.
    pub async fn started(&self) {
        self.token.cancelled().await;
    }

    /// Spawns a task that the shutdown waits for: background loops (which watch [`started`](Self::started)) and write
    /// sections (which end by their own deadlines).
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Resolves when every task spawned here is over and [`start`](Self::start) was called.
    pub async fn finished(&self) {
        self.tasks.wait().await;
    }
}
