//! A bulkhead: how many may be at something outside at once, and how long a request waits for its turn.
//!
//! Without one, what is asked beyond what can be answered queues up until nobody is answered in time. All waits of a request
//! together are bounded, so that whoever is turned away knows it soon. A request that only reads is let in once, for all it
//! asks until it is answered: what was done for it is not thrown away for want of the next turn. Some more are let in than can
//! have their turn at once, since they do other things in between.
//!
//! ```text
//!   arrives ── waits, at most `patience` ─┬─ let in ─ turn ─ (Redis) ─ turn ─ turn ─ answered, place given back
//!                                         └─ shed
//! ```

use std::{
    cell,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
    time,
};

tokio::task_local! {
    static VISITOR: Visitor;
}

/// So many requests are let in for each turn that can be had at once.
const LET_IN: usize = 3;

/// So many turns at once. Clones share them.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    size: usize,
    patience: Duration,
}

/// No turn came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many are waiting for their turn")]
pub struct Overloaded;

/// One's turn; over when it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it is somebody else's turn"]
#[expect(dead_code, reason = "held for their `Drop`")]
pub struct Turn {
    turn: OwnedSemaphorePermit,
    place: Place,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held for their `Drop`")]
enum Place {
    Own(OwnedSemaphorePermit),
    Kept(Arc<Visit>),
}

/// One request as its own task knows it: most never come to a bulkhead, and cost none of its bookkeeping.
#[derive(Debug)]
struct Visitor {
    began: Instant,
    keeps_place: bool,
    visit: cell::OnceCell<Arc<Visit>>,
}

/// One request that has come, and whatever works for it in tasks of its own.
#[derive(Debug)]
struct Visit {
    began: Instant,
    keeps_place: bool,
    /// What all waits of a request that keeps no place came to.
    waited: Mutex<Duration>,
    place: OnceCell<OwnedSemaphorePermit>,
}

impl Bulkhead {
    /// With this many turns at once, each waited for no longer than `patience`.
    #[must_use]
    pub fn new(turns: usize, patience: Duration) -> Self {
        let places = Arc::new(Semaphore::new(turns * LET_IN));
        Self { places, turns: Arc::new(Semaphore::new(turns)), size: turns, patience }
    }

    /// Waits for a turn. A request that keeps its place waits for its later ones as long as it takes: only those who were
    /// let in are ahead of it.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] once the patience of the request, or outside of one that of this wait, is used up.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing but the place that its request keeps.
    pub async fn enter(&self) -> Result<Turn, Overloaded> {
        match current() {
            None => self.first_turn(self.patience).await.map(own),
            Some(visit) if visit.keeps_place => {
                let mut first = None;
                let let_in = async {
                    let (place, turn) = self.first_turn(visit.patience_left(self.patience)).await?;
                    first = Some(turn);
                    Ok(place)
                };
                visit.place.get_or_try_init(|| let_in).await?;
                let turn = match first {
                    Some(turn) => turn,
                    None => take(&self.turns).await?,
                };
                Ok(Turn { turn, place: Place::Kept(visit) })
            }
            Some(visit) => {
                let started = Instant::now();
                let let_in = self.first_turn(visit.patience_left(self.patience)).await;
                visit.note_wait(started.elapsed());
                let_in.map(own)
            }
        }
    }

    /// A turn, if place and turn are free at once, for work that nobody waits for.
    #[must_use]
    pub fn try_enter(&self) -> Option<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let turn = Arc::clone(&self.turns).try_acquire_owned().ok()?;
        Some(own((place, turn)))
    }

    /// How many turns there are at once.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.size
    }

    /// A place, and the turn of whoever has just got it.
    async fn first_turn(&self, patience: Duration) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Overloaded> {
        let both = async { Ok((take(&self.places).await?, take(&self.turns).await?)) };
        time::timeout(patience, both).await.map_err(|_elapsed| Overloaded)?
    }

    /// How long the request of this task would still wait for a place; `None` for one that has one, and outside of a request.
    #[must_use]
    pub fn patience_left(&self) -> Option<Duration> {
        let visit = current()?;
        (!visit.place.initialized()).then(|| visit.patience_left(self.patience))
    }

    /// Counts what the request of this task has waited in another's place.
    pub fn note_wait(&self, wait: Duration) {
        if let Some(visit) = current() {
            visit.note_wait(wait);
        }
    }

    /// Whether the request of this task has a place, or may still wait for one. Outside of a request nobody comes twice.
    #[must_use]
    pub fn is_worth_another_try(&self) -> bool {
        current().is_some_and(|visit| visit.place.initialized() || !visit.patience_left(self.patience).is_zero())
    }
}

async fn take(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Overloaded> {
    Arc::clone(semaphore).acquire_owned().await.map_err(|_never_closed| Overloaded)
}

fn own((place, turn): (OwnedSemaphorePermit, OwnedSemaphorePermit)) -> Turn {
    Turn { turn, place: Place::Own(place) }
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

impl Visitor {
    fn visit(&self) -> Arc<Visit> {
        let Self { began, keeps_place, .. } = *self;
        let come = || Arc::new(Visit { began, keeps_place, waited: Mutex::default(), place: OnceCell::new() });
        Arc::clone(self.visit.get_or_init(come))
    }
}

impl From<Arc<Visit>> for Visitor {
    fn from(visit: Arc<Visit>) -> Self {
        Self { began: visit.began, keeps_place: visit.keeps_place, visit: visit.into() }
    }
}

/// Runs a request that began then: all its waits for places count together. One that `keeps_place` does nothing between its
/// first place and its answer that takes long.
pub fn request<F: Future>(began: Instant, keeps_place: bool, request: F) -> impl Future<Output = F::Output> {
    // Not an `async fn`, which would hold the request twice: as its argument, and as what it waits for.
    VISITOR.scope(Visitor { began, keeps_place, visit: cell::OnceCell::new() }, request)
}

/// Runs `work`, in whatever task, for the request of this one: in its place, which is kept until the work is done too.
pub fn inherit<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let visit = current();
    async move {
        match visit {
            Some(visit) => VISITOR.scope(visit.into(), work).await,
            None => work.await,
        }
    }
}

fn current() -> Option<Arc<Visit>> {
    VISITOR.try_with(Visitor::visit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    /// Far below the minute that a patience of its own would let somebody wait.
    const SOON: Duration = Duration::from_secs(20);

    async fn with_one_turn(patience: Duration) -> (Bulkhead, Turn) {
        let bulkhead = Bulkhead::new(1, patience);
        let taken = bulkhead.enter().await.unwrap();
        (bulkhead, taken)
    }

    #[tokio::test]
    async fn who_gets_no_turn_is_shed_when_the_patience_is_used_up() {
        let patience = Duration::from_millis(20);
        let (bulkhead, taken) = with_one_turn(patience).await;
        let started = Instant::now();

        let shed = bulkhead.enter().await;

        assert_eq!(shed.err(), Some(Overloaded));
        assert!(started.elapsed() >= patience);
        drop(taken);
        assert!(bulkhead.enter().await.is_ok());
    }

    #[tokio::test]
    async fn a_request_that_has_waited_enough_waits_no_more() {
        let (bulkhead, taken) = with_one_turn(MINUTE).await;
        let waited = |keeps_place| {
            let began = Instant::now().checked_sub(MINUTE).unwrap();
            Arc::new(Visit { began, keeps_place, waited: Mutex::new(MINUTE), place: OnceCell::new() })
        };

        for keeps_place in [true, false] {
            let shed = time::timeout(SOON, VISITOR.scope(waited(keeps_place).into(), bulkhead.enter())).await;
            assert_eq!(shed.expect("at once").err(), Some(Overloaded), "{keeps_place}");
        }

        drop(taken);
        for keeps_place in [true, false] {
            assert!(VISITOR.scope(waited(keeps_place).into(), bulkhead.enter()).await.is_ok(), "what is free is free");
        }
    }

    #[tokio::test]
    async fn all_waits_of_a_writing_request_count_together() {
        let (bulkhead, taken) = with_one_turn(MINUTE).await;
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

        drop(VISITOR.scope(Arc::clone(&visit).into(), bulkhead.enter()).await);

        assert!(visit.waited() >= wait, "{:?}", visit.waited());
    }

    #[tokio::test]
    async fn what_a_writing_request_has_waited_in_anothers_place_counts_too() {
        let bulkhead = Bulkhead::new(1, MINUTE);

        let worth_it = request(Instant::now(), false, async {
            bulkhead.note_wait(MINUTE / 2);
            let after_a_half = bulkhead.is_worth_another_try();
            bulkhead.note_wait(MINUTE / 2);
            (after_a_half, bulkhead.is_worth_another_try())
        })
        .await;

        assert_eq!(worth_it, (true, false));
    }

    #[tokio::test]
    async fn a_reading_request_is_let_in_once_and_keeps_its_place_until_all_its_work_is_done() {
        let bulkhead = Bulkhead::new(1, Duration::from_millis(20));
        let all_but_one = (1..LET_IN).map(|_| take(&bulkhead.places));
        let _let_in = futures::future::join_all(all_but_one).await;
        let (go_on, told) = tokio::sync::oneshot::channel::<()>();
        let mut work = None;

        request(Instant::now(), true, async {
            drop(bulkhead.enter().await.unwrap());
            assert!(bulkhead.enter().await.is_ok(), "it has a place");
            let bulkhead = bulkhead.clone();
            work = Some(tokio::spawn(inherit(async move {
                told.await.unwrap();
                bulkhead.enter().await.is_ok()
            })));
        })
        .await;

        assert!(bulkhead.enter().await.is_err(), "its work still goes on");
        go_on.send(()).unwrap();
        assert!(work.unwrap().await.unwrap());
        assert!(bulkhead.enter().await.is_ok());
    }

    #[tokio::test]
    async fn who_was_let_in_waits_for_the_next_turn_as_long_as_it_takes() {
        let bulkhead = Bulkhead::new(1, Duration::from_millis(1));

        let second = request(Instant::now(), true, async {
            drop(bulkhead.enter().await.unwrap());
            let others = take(&bulkhead.turns).await.unwrap();
            tokio::spawn(async move {
                time::sleep(Duration::from_millis(50)).await;
                drop(others);
            });
            bulkhead.enter().await
        })
        .await;

        assert!(second.is_ok());
    }

    #[tokio::test]
    async fn a_writing_request_gives_its_place_back_at_once() {
        let bulkhead = Bulkhead::new(1, Duration::from_millis(20));

        let other = request(Instant::now(), false, async {
            drop(bulkhead.enter().await.unwrap());
            let bulkhead = bulkhead.clone();
            tokio::spawn(async move { bulkhead.enter().await.is_ok() }).await.unwrap()
        })
        .await;

        assert!(other);
    }
}
