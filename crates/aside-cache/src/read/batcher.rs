//! The batcher: loads that go as one statement.
//!
//! A statement for the entries of eight readers costs Postgres little more than one for the entries of one reader, and the round
//! trips around it cost nothing more. So a load that is about to start while another batch of its kind is running waits until
//! that is over; all loads that wait then go as one batch.
//!
//! ```text
//!   reader 1      push ─ lease ─ load 1 entry ─ fill ─ complete
//!   readers 2…9        wait, and are still joinable ───┴ one batch ─ lease ─ load 8 entries ─ fill ─ complete
//! ```
//!
//! With nothing running, a batch starts at once. A batch that takes long, or never ends, delays others only for [`HOLD`]. So the
//! more there is to load, the fewer statements load it, and under low load batching costs nothing.
//!
//! Refreshes, which no reader waits for, go by the same rule without the bound: one batch at a time.
//!
//! Known as natural or smart batching: Martin Thompson, "Smart Batching" (Mechanical Sympathy, 2011).

use std::{fmt, mem, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Notify, time};

/// How long a running batch delays others. Longer than a statement for some hundred rows takes; short beside the queue timeout.
const HOLD: Duration = Duration::from_millis(5);

/// Items in a batch, at most: longer commands would delay other users of Postgres and Redis.
const MOST_AT_ONCE: usize = 256;

/// The items of one kind that are about to be loaded.
pub(super) struct Batcher<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// A running batch is over.
    over: Notify,
    /// How long running batches delay others.
    hold: Duration,
}

struct State<T> {
    /// While items wait there is one [`Duty`] for them.
    waiting: Vec<T>,
    running: usize,
}

/// The duty to run a batch of the items that wait.
#[must_use = "the items would wait for ever"]
pub(super) struct Duty<T> {
    shared: Arc<Shared<T>>,
}

/// A running batch, until it is dropped.
#[must_use = "dropped, the batch is over"]
pub(super) struct Running<T> {
    shared: Arc<Shared<T>>,
}

/// A batch that starts now, and the duty for the items that were too many.
pub(super) struct Batch<T> {
    pub(super) items: Vec<T>,
    pub(super) running: Running<T>,
    pub(super) next: Option<Duty<T>>,
}

impl<T> Batcher<T> {
    /// For loads that readers wait for.
    pub(super) fn new() -> Self {
        Self::with_hold(HOLD)
    }

    /// For loads that no reader waits for: one batch at a time, however long it takes.
    pub(super) fn one_at_a_time() -> Self {
        Self::with_hold(Duration::MAX)
    }

    fn with_hold(hold: Duration) -> Self {
        let state = State { waiting: Vec::new(), running: 0 };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), over: Notify::new(), hold }) }
    }

    /// Adds items to those that wait; gives the duty for them, unless it is given already.
    pub(super) fn push(&self, items: Vec<T>) -> Option<Duty<T>> {
        let mut state = self.shared.state.lock();
        let is_first = state.waiting.is_empty() && !items.is_empty();
        state.waiting.extend(items);
        is_first.then(|| Duty { shared: Arc::clone(&self.shared) })
    }
}

impl<T> Duty<T> {
    /// Waits until no batch is running, as long as that delays others. Items that were pushed meanwhile are in the batch.
    ///
    /// # Cancel safety
    ///
    /// None: it is for a task of its own, which ends only with the process.
    pub(super) async fn next_batch(self) -> Batch<T> {
        let hold = time::sleep(self.shared.hold);
        tokio::pin!(hold);
        while self.shared.is_running() {
            tokio::select! {
                () = self.shared.over.notified() => {}
                () = &mut hold => break,
            }
        }
        self.start()
    }

    fn start(self) -> Batch<T> {
        let mut state = self.shared.state.lock();
        state.running += 1;
        let most = state.waiting.len().min(MOST_AT_ONCE);
        let left = state.waiting.split_off(most);
        let items = mem::replace(&mut state.waiting, left);
        let next = (!state.waiting.is_empty()).then(|| Self { shared: Arc::clone(&self.shared) });
        Batch { items, running: Running { shared: Arc::clone(&self.shared) }, next }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.shared.state.lock().running -= 1;
        self.shared.over.notify_one();
    }
}

impl<T> Shared<T> {
    fn is_running(&self) -> bool {
        self.state.lock().running > 0
    }
}

impl<T> fmt::Debug for Batcher<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { waiting, running } = &*self.shared.state.lock();
        formatter.debug_struct("Batcher").field("waiting", &waiting.len()).field("running", running).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures::poll;
    use tokio::time::Instant;

    use super::*;

    /// The duty for the first item.
    fn first(batcher: &Batcher<usize>, item: usize) -> Duty<usize> {
        batcher.push(vec![item]).expect("no item waits yet")
    }

    #[tokio::test(start_paused = true)]
    async fn with_nothing_running_a_batch_starts_at_once() {
        let batcher = Batcher::new();
        let started = Instant::now();

        let batch = first(&batcher, 1).next_batch().await;

        assert_eq!(batch.items, [1]);
        assert!(batch.next.is_none());
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn items_that_come_while_a_batch_is_running_go_as_one_batch_when_it_is_over() {
        let batcher = Batcher::new();
        let ahead = first(&batcher, 1).next_batch().await;
        let started = Instant::now();
        let mut next = std::pin::pin!(first(&batcher, 2).next_batch());
        assert!(poll!(next.as_mut()).is_pending());

        assert!(batcher.push(vec![3, 4]).is_none(), "the duty is given already");
        drop(ahead.running);

        assert_eq!(next.await.items, [2, 3, 4]);
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert_eq!(first(&batcher, 5).next_batch().await.items, [5], "that batch is over, too");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_takes_long_delays_others_for_the_hold() {
        let batcher = Batcher::new();
        let _slow = first(&batcher, 1).next_batch().await.running;
        let started = Instant::now();

        let batch = first(&batcher, 2).next_batch().await;

        assert_eq!(batch.items, [2]);
        assert!(started.elapsed() >= HOLD, "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_reader_waits_one_batch_at_a_time_is_running() {
        let batcher = Batcher::one_at_a_time();
        let ahead = first(&batcher, 1).next_batch().await;
        let mut next = std::pin::pin!(first(&batcher, 2).next_batch());
        assert!(poll!(next.as_mut()).is_pending());

        time::advance(Duration::from_hours(1)).await;
        assert!(poll!(next.as_mut()).is_pending());
        drop(ahead.running);

        assert_eq!(next.await.items, [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn items_beyond_the_bound_go_with_the_next_batch() {
        let batcher = Batcher::new();
        let all: Vec<usize> = (0..MOST_AT_ONCE + 2).collect();
        let duty = batcher.push(all).expect("no item waits yet");

        let batch = duty.next_batch().await;

        assert_eq!(batch.items.len(), MOST_AT_ONCE);
        drop(batch.running);
        assert!(batcher.push(vec![1_000]).is_none(), "the duty is given already");
        let next = batch.next.expect("items are left").next_batch().await;
        assert_eq!(next.items, [MOST_AT_ONCE, MOST_AT_ONCE + 1, 1_000]);
        assert!(next.next.is_none());
    }
}
