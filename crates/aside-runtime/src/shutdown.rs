//! The end of the process, in three steps: first it is announced, and requests are served as before until proxies know; then
//! no new requests are taken and those under way are finished; then the background tasks that they still needed are stopped.
//! Every task is tracked.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Tells tasks to stop and knows which still run. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Looked at for each answer, so it is no token: these have a lock.
    announced: Arc<AtomicBool>,
    started: CancellationToken,
    drained: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Nothing is stopping yet, nothing is running.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first step: readiness ends, and each answer asks its client to close. Idempotent.
    pub fn announce(&self) {
        self.announced.store(true, Ordering::Release);
    }

    /// The second step: take no new requests. Idempotent.
    pub fn start(&self) {
        self.announce();
        self.started.cancel();
    }

    /// The first step now, and the second after this delay.
    pub async fn start_after(&self, delay: Duration) {
        self.announce();
        tokio::time::sleep(delay).await;
        self.start();
    }

    /// The third step: no request is under way any more, background tasks may end. Idempotent.
    pub fn drain(&self) {
        self.start();
        self.drained.cancel();
        self.tasks.close();
    }

    /// Whether [`announce`](Self::announce) was called, or a later step.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    /// Whether [`start`](Self::start) was called.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.started.is_cancelled()
    }

    /// Resolves once [`start`](Self::start) was called.
    pub async fn started(&self) {
        self.started.cancelled().await;
    }

    /// Resolves once [`drain`](Self::drain) was called.
    pub async fn drained(&self) {
        self.drained.cancelled().await;
    }

    /// Spawns a task that the shutdown waits for: background loops (which watch [`drained`](Self::drained)) and write
    /// sections (which end by their own deadlines).
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Spawns a background loop that ends, wherever it is, once [`drain`](Self::drain) was called.
    pub fn spawn_until_drained(&self, task: impl Future<Output = ()> + Send + 'static) {
        let drained = self.drained.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = drained.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Resolves when [`drain`](Self::drain) was called and every task spawned here is over.
    pub async fn finished(&self) {
        self.tasks.wait().await;
    }
}
