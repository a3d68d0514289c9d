//! Admission: how many requests may work on something outside at once, and how long a request waits until it may.
//!
//! Without it, what is asked beyond what can be answered queues up until nothing is answered in time. All waits of a request
//! together are bounded, so a refusal is quick. A request that only reads is admitted once, for all that it asks until it is
//! answered: work that was done for it is not thrown away for want of the next permit. More requests are admitted than there
//! are permits, since an admitted request does other things in between.
//!
//! ```text
//!   arrives ── queue (`queue`) ─┬─ admitted ─ permit ─ (Redis) ─ permit ─ permit ─ answered, admission given back
//!                               └─ refused
//! ```

mod queue;

use std::{
    cell,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
    time,
};

pub use self::queue::Overloaded;
use self::queue::{Admitted, Queue};

tokio::task_local! {
    static REQUEST: LocalRequest;
}

/// Requests that are admitted for each permit.
const ADMITTED_PER_PERMIT: usize = 2;

/// A bounded number of permits, and the queue for them. Clones share both.
#[derive(Clone, Debug)]
pub struct Admission {
    queue: Arc<Queue>,
    permits: Arc<Semaphore>,
    size: usize,
    queue_timeout: Duration,
}

/// The right to one of the bounded number of loads or writes; given back when it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it is given back"]
#[expect(dead_code, reason = "held for their `Drop`")]
pub struct Permit {
    permit: OwnedSemaphorePermit,
    admission: Held,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held for their `Drop`")]
enum Held {
    /// Until the permit is given back.
    ForOnePermit(Admitted),
    /// Until the request is answered.
    ByRequest(Arc<Request>),
}

/// A request as its own task knows it: most need no permit, and cost none of the bookkeeping.
#[derive(Debug)]
struct LocalRequest {
    began: Instant,
    only_reads: bool,
    request: cell::OnceCell<Arc<Request>>,
}

/// A request that needs permits, shared with the tasks that work for it.
#[derive(Debug)]
struct Request {
    began: Instant,
    only_reads: bool,
    /// The sum of all waits of a request that does not only read.
    waited: Mutex<Duration>,
    admission: OnceCell<Admitted>,
}

impl Admission {
    /// With this many permits. A request waits for `queue_timeout` at most, all its waits together.
    #[must_use]
    pub fn new(permits: usize, queue_timeout: Duration) -> Self {
        let queue = Queue::new(permits * ADMITTED_PER_PERMIT, queue_timeout);
        Self { queue, permits: Arc::new(Semaphore::new(permits)), size: permits, queue_timeout }
    }

    /// Waits for a permit. A request that only reads and was admitted waits for its later permits without a bound: only
    /// admitted requests are ahead of it.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] once the queue timeout is used up, and sooner while the queue is overloaded.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing but the admission that its request keeps.
    pub async fn acquire(&self) -> Result<Permit, Overloaded> {
        match current() {
            None => self.first_permit(self.queue_timeout).await.map(for_one_permit),
            Some(request) if request.only_reads => {
                let mut first = None;
                let admission = async {
                    let (admitted, permit) = self.first_permit(request.time_left(self.queue_timeout)).await?;
                    first = Some(permit);
                    Ok(admitted)
                };
                request.admission.get_or_try_init(|| admission).await?;
                let permit = match first {
                    Some(permit) => permit,
                    None => take(&self.permits).await?,
                };
                Ok(Permit { permit, admission: Held::ByRequest(request) })
            }
            Some(request) => {
                let started = Instant::now();
                let first = self.first_permit(request.time_left(self.queue_timeout)).await;
                request.note_wait(started.elapsed());
                first.map(for_one_permit)
            }
        }
    }

    /// A permit if one is free, for background work.
    #[must_use]
    pub fn try_acquire(&self) -> Option<Permit> {
        let admitted = self.queue.try_enter()?;
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(for_one_permit((admitted, permit)))
    }

    /// The number of permits.
    #[must_use]
    pub fn permits(&self) -> usize {
        self.size
    }

    /// An admission and the first permit.
    async fn first_permit(&self, patience: Duration) -> Result<(Admitted, OwnedSemaphorePermit), Overloaded> {
        let deadline = time::Instant::now() + patience;
        let admitted = self.queue.enter(patience).await?;
        let permit = time::timeout_at(deadline, take(&self.permits)).await.map_err(|_elapsed| Overloaded)??;
        Ok((admitted, permit))
    }

    /// How long the request of this task may still wait for its admission; `None` once it is admitted, and outside of a request.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let request = current()?;
        let left = || request.time_left(self.queue_timeout).min(self.queue.longest_wait());
        (!request.admission.initialized()).then(left)
    }

    /// Counts what the request of this task has waited for the admission of another.
    pub fn note_wait(&self, wait: Duration) {
        if let Some(request) = current() {
            request.note_wait(wait);
        }
    }

    /// Whether the request of this task, after another was refused for it, is admitted or may still wait. Not while the
    /// queue is overloaded: then it is refused like a newcomer. False outside of a request.
    #[must_use]
    pub fn is_worth_another_try(&self) -> bool {
        let may_wait =
            |request: &Request| !self.queue.is_overloaded() && !request.time_left(self.queue_timeout).is_zero();
        current().is_some_and(|request| request.admission.initialized() || may_wait(&request))
    }
}

async fn take(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Overloaded> {
    Arc::clone(permits).acquire_owned().await.map_err(|_never_closed| Overloaded)
}

fn for_one_permit((admitted, permit): (Admitted, OwnedSemaphorePermit)) -> Permit {
    Permit { permit, admission: Held::ForOnePermit(admitted) }
}

impl Request {
    fn time_left(&self, queue_timeout: Duration) -> Duration {
        queue_timeout.saturating_sub(if self.only_reads { self.began.elapsed() } else { self.waited() })
    }

    fn waited(&self) -> Duration {
        *self.waited.lock()
    }

    fn note_wait(&self, wait: Duration) {
        *self.waited.lock() += wait;
    }
}

impl LocalRequest {
    fn shared(&self) -> Arc<Request> {
        let Self { began, only_reads, .. } = *self;
        let new = || Arc::new(Request { began, only_reads, waited: Mutex::default(), admission: OnceCell::new() });
        Arc::clone(self.request.get_or_init(new))
    }
}

impl From<Arc<Request>> for LocalRequest {
    fn from(request: Arc<Request>) -> Self {
        Self { began: request.began, only_reads: request.only_reads, request: request.into() }
    }
}

/// Runs a request that began then: all its waits for an admission count together. One that `only_reads` keeps its admission
/// until it is answered, so it must do nothing in between that takes long.
pub fn request<F: Future>(began: Instant, only_reads: bool, request: F) -> impl Future<Output = F::Output> {
    // Not an `async fn`, which would hold the request twice: as its argument, and as what it waits for.
    REQUEST.scope(LocalRequest { began, only_reads, request: cell::OnceCell::new() }, request)
}

/// Runs `work`, in whatever task, for the request of this one: under its admission, which is kept until the work is done too.
pub fn inherit<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let request = current();
    async move {
        match request {
            Some(request) => REQUEST.scope(request.into(), work).await,
            None => work.await,
        }
    }
}

fn current() -> Option<Arc<Request>> {
    REQUEST.try_with(LocalRequest::shared).ok()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
