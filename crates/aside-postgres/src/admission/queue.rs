//! The queue for a bounded number of admissions: first in, first out; under overload newest first, and with a short wait.
//!
//! A burst, or a Postgres that stalls for a moment, makes a queue that drains again: all of it is admitted, in its order.
//! Overload makes a queue that stays. First in, first out, each request then waits for nearly the whole queue timeout, whether
//! it is admitted or refused. So a queue that has not been empty for that long admits the newest first and refuses newcomers
//! after [`SHORT_WAIT`]: admitted requests wait little, refusals are quick, throughput is the same.
//!
//! The rule is the controlled delay with adaptive LIFO of Ben Maurer, "Fail at Scale" (ACM Queue 13(8), 2015), after `CoDel`
//! (RFC 8289). Its interval is the queue timeout and not 100 ms, so that a stall of half a second is no overload. As in
//! `CoDel`, a queue that was overloaded lately is found so again after less.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::oneshot,
    time::{self, Instant},
};

/// How long a request that arrives at an overloaded queue waits in it.
const SHORT_WAIT: Duration = Duration::from_millis(10);

/// How long a queue that was overloaded lately may be without being empty before it is overloaded again; until then requests
/// that arrive wait no longer, since the newest are admitted before them after that.
const REPEATED_AFTER: Duration = Duration::from_millis(100);

/// No permit came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests wait for a permit")]
pub struct Overloaded;

/// Admissions, and the requests that wait for one.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// How long a request waits, and how long the queue may be without being empty before it is overloaded.
    timeout: Duration,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// By the order of arrival. Empty while an admission is free.
    waiting: BTreeMap<u64, oneshot::Sender<Admitted>>,
    arrivals: u64,
    /// Since when the queue has not been empty.
    busy_since: Option<Instant>,
    overloaded_at: Option<Instant>,
}

/// One of the bounded number of admissions. Dropped, it goes to the next in the queue.
#[derive(Debug)]
pub(super) struct Admitted {
    queue: Arc<Queue>,
}

/// A request in the queue; dropped, it has left.
#[derive(Debug)]
struct Waiting {
    queue: Arc<Queue>,
    number: u64,
    admission: oneshot::Receiver<Admitted>,
    longest: Duration,
}

impl Queue {
    pub(super) fn new(admissions: usize, timeout: Duration) -> Arc<Self> {
        let waiting = BTreeMap::new();
        let state = State { free: admissions, waiting, arrivals: 0, busy_since: None, overloaded_at: None };
        Arc::new(Self { state: Mutex::new(state), timeout })
    }

    /// Waits to be admitted, no longer than for `patience`, and under overload no longer than for [`SHORT_WAIT`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the queue; an admission that was on its way to it goes to the next.
    pub(super) async fn enter(self: &Arc<Self>, patience: Duration) -> Result<Admitted, Overloaded> {
        let mut waiting = match self.arrive(patience) {
            Ok(admitted) => return Ok(admitted),
            Err(waiting) => waiting,
        };
        match time::timeout(waiting.longest, &mut waiting.admission).await {
            Ok(Ok(admitted)) => Ok(admitted),
            Ok(Err(_)) | Err(_) => Err(Overloaded),
        }
    }

    /// An admission, if one is free.
    pub(super) fn try_enter(self: &Arc<Self>) -> Option<Admitted> {
        let mut state = self.state.lock();
        state.free = state.free.checked_sub(1)?;
        drop(state);
        Some(Admitted { queue: Arc::clone(self) })
    }

    /// Whether the newest is admitted first.
    pub(super) fn is_overloaded(&self) -> bool {
        self.state.lock().is_overloaded(self.timeout)
    }

    /// How long a request that arrives now would wait at most.
    pub(super) fn longest_wait(&self) -> Duration {
        self.state.lock().longest_wait(self.timeout)
    }

    /// An admission if one is free, else a place in the queue.
    fn arrive(self: &Arc<Self>, patience: Duration) -> Result<Admitted, Waiting> {
        let mut state = self.state.lock();
        if let Some(left) = state.free.checked_sub(1) {
            state.free = left;
            return Ok(Admitted { queue: Arc::clone(self) });
        }
        let (sender, admission) = oneshot::channel();
        let number = state.arrivals;
        state.arrivals += 1;
        state.waiting.insert(number, sender);
        state.busy_since.get_or_insert_with(Instant::now);
        let longest = state.longest_wait(self.timeout).min(patience);
        Err(Waiting { queue: Arc::clone(self), number, admission, longest })
    }

    fn give_back(self: &Arc<Self>) {
        let next = self.state.lock().take_next(self.timeout);
        if let Some(next) = next {
            // If it has just left, this is dropped here and goes to the one after it.
            drop(next.send(Admitted { queue: Arc::clone(self) }));
        }
    }
}

impl State {
    fn is_overloaded(&mut self, timeout: Duration) -> bool {
        let Some(busy_for) = self.busy_since.map(|since| since.elapsed()) else { return false };
        let is_overloaded = busy_for >= self.interval(timeout);
        if is_overloaded {
            self.overloaded_at = Some(Instant::now());
        }
        is_overloaded
    }

    fn longest_wait(&mut self, timeout: Duration) -> Duration {
        if self.is_overloaded(timeout) { SHORT_WAIT.min(timeout) } else { self.interval(timeout) }
    }

    /// How long the queue may be without being empty.
    fn interval(&self, timeout: Duration) -> Duration {
        let was_lately = self.overloaded_at.is_some_and(|at| at.elapsed() < timeout);
        if was_lately { REPEATED_AFTER.min(timeout) } else { timeout }
    }

    /// The next to be admitted; without one the admission is free.
    fn take_next(&mut self, timeout: Duration) -> Option<oneshot::Sender<Admitted>> {
        let next = if self.is_overloaded(timeout) { self.waiting.pop_last() } else { self.waiting.pop_first() };
        self.note_length();
        if next.is_none() {
            self.free += 1;
        }
        next.map(|(_, sender)| sender)
    }

    fn note_length(&mut self) {
        if self.waiting.is_empty() {
            self.busy_since = None;
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.queue.give_back();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.waiting.remove(&self.number);
        state.note_length();
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
