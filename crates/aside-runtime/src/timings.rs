//! Where the time of one request went, for its `Server-Timing` header.
//!
//! The middleware opens a scope around a request; the layers that wait for something outside add to it. What a request
//! waits for twice at once is counted once, so no share is ever larger than the whole. Work that goes on in tasks of its
//! own (a load that many share) is counted by each request that waits for it.

use std::{
    cell::Cell,
    future::Future,
    time::{Duration, Instant},
};

use futures::FutureExt;

tokio::task_local! {
    static SPENT: Spent;
}

/// Time spent waiting, by what was waited for.
#[derive(Debug, Default)]
pub struct Spent {
    cache: Stopwatch,
    db: Stopwatch,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// A reply of Redis.
    Cache,
    /// A reply of Postgres, or another request's load from it.
    Db,
}

impl Spent {
    fn on(&self, on: Waiting) -> &Stopwatch {
        match on {
            Waiting::Cache => &self.cache,
            Waiting::Db => &self.db,
        }
    }
}

/// Runs while at least one is waiting.
#[derive(Debug, Default)]
struct Stopwatch {
    waiting: Cell<usize>,
    since: Cell<Option<Instant>>,
    spent: Cell<Duration>,
}

impl Stopwatch {
    fn start(&self) {
        if self.waiting.get() == 0 {
            self.since.set(Some(Instant::now()));
        }
        self.waiting.set(self.waiting.get() + 1);
    }

    fn stop(&self) {
        self.waiting.set(self.waiting.get().saturating_sub(1));
        if self.waiting.get() == 0
            && let Some(since) = self.since.take()
        {
            self.spent.set(self.spent.get() + since.elapsed());
        }
    }
}

/// Stops when it is dropped: work that is cancelled is waited for no longer.
struct Running(Waiting);

impl Running {
    /// `None` outside of a scope.
    fn start(on: Waiting) -> Option<Self> {
        SPENT.try_with(|spent| spent.on(on).start()).ok().map(|()| Self(on))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _scope_is_over = SPENT.try_with(|spent| spent.on(self.0).stop());
    }
}

/// Runs `request` in a scope of its own and gives what it spent on (cache, database).
pub fn scope<F: Future>(request: F) -> impl Future<Output = (F::Output, Duration, Duration)> {
    // Not an `async fn`, which would hold the request twice: as its argument, and as what it waits for.
    let and_what_it_spent = request.map(|output| {
        let (cache, db) = SPENT.with(|spent| (spent.cache.spent.get(), spent.db.spent.get()));
        (output, cache, db)
    });
    SPENT.scope(Spent::default(), and_what_it_spent)
}

/// Counts the time `work` takes as spent on `on`; outside a scope it only runs `work`.
pub async fn waiting<F: Future>(on: Waiting, work: F) -> F::Output {
    let _running = Running::start(on);
    work.await
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{sleep, timeout};

    use super::*;

    const WAIT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn waits_that_overlap_are_counted_once() {
        let started = Instant::now();

        let ((), cache, db) = scope(async {
            let waits = (0..50).map(|_| waiting(Waiting::Cache, sleep(WAIT)));
            futures::future::join_all(waits).await;
        })
        .await;

        assert!((WAIT..=started.elapsed()).contains(&cache), "{cache:?}");
        assert_eq!(db, Duration::ZERO);
    }

    #[tokio::test]
    async fn waits_in_a_row_add_up_and_a_cancelled_one_has_ended() {
        let ((), cache, db) = scope(async {
            let _cancelled = timeout(WAIT, waiting(Waiting::Db, pending::<()>())).await;
            waiting(Waiting::Db, sleep(WAIT)).await;
            sleep(WAIT).await;
        })
        .await;

        assert!(db >= WAIT * 2, "{db:?}");
        assert_eq!(cache, Duration::ZERO);
    }

    #[tokio::test]
    async fn outside_a_request_work_is_only_run() {
        assert_eq!(waiting(Waiting::Db, async { 7 }).await, 7);
    }
}
