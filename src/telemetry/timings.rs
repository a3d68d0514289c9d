//! Where the time of one request went, for its `Server-Timing` header.
//!
//! The middleware opens a scope around a request; the layers that wait for something outside add to it. Work that goes on
//! in tasks of its own (a load that many share) is counted by those who wait for it.

use std::{
    cell::Cell,
    future::Future,
    time::{Duration, Instant},
};

tokio::task_local! {
    static SPENT: Spent;
}

/// Time spent waiting, by what was waited for.
#[derive(Debug, Default)]
pub struct Spent {
    cache: Cell<Duration>,
    db: Cell<Duration>,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// A reply of Redis.
    Cache,
    /// A reply of Postgres, or somebody else's load from it.
    Db,
}

/// Runs `request` in a scope of its own and gives what it spent on (cache, database).
pub async fn scope<F: Future>(request: F) -> (F::Output, Duration, Duration) {
    SPENT
        .scope(Spent::default(), async {
            let output = request.await;
            let (cache, db) = SPENT.with(|spent| (spent.cache.get(), spent.db.get()));
            (output, cache, db)
        })
        .await
}

/// Counts the time `work` takes as spent on `on`; outside a scope it only runs `work`.
pub async fn waiting<F: Future>(on: Waiting, work: F) -> F::Output {
    let started = Instant::now();
    let output = work.await;
    let elapsed = started.elapsed();
    let _outside_a_request = SPENT.try_with(|spent| {
        let cell = match on {
            Waiting::Cache => &spent.cache,
            Waiting::Db => &spent.db,
        };
        cell.set(cell.get() + elapsed);
    });
    output
}
