//! A bulkhead: how many may be at something outside at once, and how long a request waits for a place.
//!
//! Without one, what is asked beyond what can be answered queues up until nobody is answered in time. All waits of a request
//! together are bounded, so that whoever is turned away knows it soon. A request that only reads keeps its first place
//! until it is answered: it waits once, and what was done for it is not thrown away for want of the next place.
//!
//! ```text
//!   arrives ── waits, at most `patience` ─┬─ place ─ statement ─ statement ─ statement ─ answered, place given back
//!                                         └─ shed
//! ```

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
    time::{self, Instant},
};

tokio::task_local! {
    static VISIT: Arc<Visit>;
}

/// So many places. Clones share them.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    places: Arc<Semaphore>,
    patience: Duration,
}

/// No place became free in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many are waiting for a place")]
pub struct Overloaded;

/// A place; given back when it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it is somebody else's place"]
pub struct Place {
    _holder: Holder,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held for their `Drop`")]
enum Holder {
    Caller(OwnedSemaphorePermit),
    Request(Arc<Visit>),
}

/// One request, and whatever works for it in tasks of its own.
#[derive(Debug)]
struct Visit {
    began: Instant,
    keeps_place: bool,
    /// What all waits of a request that keeps no place came to.
    waited: Mutex<Duration>,
    place: OnceCell<OwnedSemaphorePermit>,
}

impl Bulkhead {
    /// With this many places, each waited for no longer than `patience`.
    #[must_use]
    pub fn new(places: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), patience }
    }

    /// Waits for a place, in turn. At once for a request that has kept one.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] once the patience of the request, or outside of one that of this wait, is used up.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing.
    pub async fn enter(&self) -> Result<Place, Overloaded> {
        let holder = match current() {
            None => Holder::Caller(self.acquire(self.patience).await?),
            Some(visit) if visit.keeps_place => {
                visit.place.get_or_try_init(|| self.acquire(visit.patience_left(self.patience))).await?;
                Holder::Request(visit)
            }
            Some(visit) => {
                let started = Instant::now();
                let permit = self.acquire(visit.patience_left(self.patience)).await;
                visit.note_wait(started.elapsed());
                Holder::Caller(permit?)
            }
        };
        Ok(Place { _holder: holder })
    }

    /// How long the request of this task would still wait for a place; `None` for one that has one, and outside of a request.
    #[must_use]
    pub fn patience_left(&self) -> Option<Duration> {
        let visit = current()?;
        (!visit.place.initialized()).then(|| visit.patience_left(self.patience))
    }

    /// Whether the request of this task has a place, or may still wait for one. Outside of a request nobody comes twice.
    #[must_use]
    pub fn is_worth_another_try(&self) -> bool {
        current().is_some_and(|visit| visit.place.initialized() || !visit.patience_left(self.patience).is_zero())
    }

    async fn acquire(&self, patience: Duration) -> Result<OwnedSemaphorePermit, Overloaded> {
        let permit = time::timeout(patience, Arc::clone(&self.places).acquire_owned()).await;
        permit.map_err(|_elapsed| Overloaded)?.map_err(|_never_closed| Overloaded)
    }
}

impl Visit {
    fn patience_left(&self, patience: Duration) -> Duration {
        patience.saturating_sub(if self.keeps_place { self.began.elapsed() } else { self.waited() })
    }

    fn waited(&self) -> Duration {
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_wait(&self, wait: Duration) {
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner) += wait;
    }
}

/// Runs a request: all its waits for places count together. One that `keeps_place` does nothing between its first place and
/// its answer that takes long.
pub async fn request<F: Future>(keeps_place: bool, request: F) -> F::Output {
    let visit = Visit { began: Instant::now(), keeps_place, waited: Mutex::default(), place: OnceCell::new() };
    VISIT.scope(Arc::new(visit), request).await
}

/// Runs `work`, in whatever task, for the request of this one: in its place, which is kept until the work is done too.
pub fn inherit<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let visit = current();
    async move {
        match visit {
            Some(visit) => VISIT.scope(visit, work).await,
            None => work.await,
        }
    }
}

fn current() -> Option<Arc<Visit>> {
    VISIT.try_with(Arc::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    /// Far below the minute that a patience of its own would let somebody wait.
    const SOON: Duration = Duration::from_secs(20);

    async fn with_one_place(patience: Duration) -> (Bulkhead, Place) {
        let bulkhead = Bulkhead::new(1, patience);
        let taken = bulkhead.enter().await.unwrap();
        (bulkhead, taken)
    }

    #[tokio::test]
    async fn who_finds_no_place_is_shed_when_the_patience_is_used_up() {
        let patience = Duration::from_millis(20);
        let (bulkhead, taken) = with_one_place(patience).await;
        let started = Instant::now();

        let shed = bulkhead.enter().await;

        assert_eq!(shed.err(), Some(Overloaded));
        assert!(started.elapsed() >= patience);
        drop(taken);
        assert!(bulkhead.enter().await.is_ok());
    }

    #[tokio::test]
    async fn a_request_that_has_waited_enough_waits_no_more() {
        let (bulkhead, taken) = with_one_place(MINUTE).await;
        let waited = |keeps_place| {
            let began = Instant::now().checked_sub(MINUTE).unwrap();
            Arc::new(Visit { began, keeps_place, waited: Mutex::new(MINUTE), place: OnceCell::new() })
        };

        for keeps_place in [true, false] {
            let shed = time::timeout(SOON, VISIT.scope(waited(keeps_place), bulkhead.enter())).await;
            assert_eq!(shed.expect("at once").err(), Some(Overloaded), "{keeps_place}");
        }

        drop(taken);
        for keeps_place in [true, false] {
            assert!(VISIT.scope(waited(keeps_place), bulkhead.enter()).await.is_ok(), "what is free is free");
        }
    }

    #[tokio::test]
    async fn all_waits_of_a_writing_request_count_together() {
        let (bulkhead, taken) = with_one_place(MINUTE).await;
        let visit = Arc::new(Visit {
            began: Instant::now(),
            keeps_place: false,
            waited: Mutex::default(),
            place: OnceCell::new(),
        });
        let wait = Duration::from_millis(20);
        tokio::spawn(async move {
            time::sleep(wait).await;
            drop(taken);
        });

        drop(VISIT.scope(Arc::clone(&visit), bulkhead.enter()).await);

        assert!(visit.waited() >= wait, "{:?}", visit.waited());
    }

    #[tokio::test]
    async fn a_reading_request_keeps_its_place_until_it_and_all_its_work_is_done() {
        let bulkhead = Bulkhead::new(1, Duration::from_millis(20));
        let (go_on, told) = tokio::sync::oneshot::channel::<()>();

        let work = request(true, async {
            drop(bulkhead.enter().await.unwrap());
            assert!(bulkhead.enter().await.is_ok(), "it has a place");
            let bulkhead = bulkhead.clone();
            tokio::spawn(inherit(async move {
                told.await.unwrap();
                bulkhead.enter().await.is_ok()
            }))
        })
        .await;

        assert!(bulkhead.enter().await.is_err(), "its work still goes on");
        go_on.send(()).unwrap();
        assert!(work.await.unwrap());
        assert!(bulkhead.enter().await.is_ok());
    }

    #[tokio::test]
    async fn a_writing_request_gives_its_place_back_at_once() {
        let bulkhead = Bulkhead::new(1, Duration::from_millis(20));

        let other = request(false, async {
            drop(bulkhead.enter().await.unwrap());
            let bulkhead = bulkhead.clone();
            tokio::spawn(async move { bulkhead.enter().await.is_ok() }).await.unwrap()
        })
        .await;

        assert!(other);
    }
}
