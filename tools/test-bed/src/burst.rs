//! Many readers who are all connected, and all ask at one moment.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::{sync::Barrier, task::JoinSet};

use super::connection::Connection;

/// Connections opened at a time: more than that, and the kernel's backlog is full.
const OPENED_AT_ONCE: usize = 100;

/// What became of a burst.
pub struct Burst {
    /// How long each answer took, the shortest first.
    pub times: Vec<Duration>,
    /// From the moment to the last answer.
    pub took: Duration,
}

/// So many readers send the same request at one moment; each answer must be 200. `before` is what happens when all are
/// connected, before they ask.
pub async fn burst(
    address: &str,
    request: &[u8],
    readers: usize,
    before: impl Future<Output = Result<()>>,
) -> Result<Burst> {
    let mut connections = Vec::with_capacity(readers);
    while connections.len() < readers {
        let mut opening = JoinSet::new();
        for _ in 0..(readers - connections.len()).min(OPENED_AT_ONCE) {
            let address = address.to_owned();
            opening.spawn(async move { Connection::open(&address).await });
        }
        for opened in opening.join_all().await {
            connections.push(opened?);
        }
    }
    before.await?;

    let (request, now) = (Arc::new(request.to_vec()), Arc::new(Barrier::new(readers + 1)));
    let mut asking = JoinSet::new();
    for mut connection in connections {
        let (request, now) = (Arc::clone(&request), Arc::clone(&now));
        asking.spawn(async move {
            now.wait().await;
            let asked = Instant::now();
            let answer = connection.ask(&request).await?;
            ensure!(answer.status == 200, "{}", answer.head);
            anyhow::Ok(asked.elapsed())
        });
    }
    now.wait().await;
    let started = Instant::now();
    let times: Result<Vec<Duration>> = asking.join_all().await.into_iter().collect();
    let took = started.elapsed();
    let mut times = times.context("of a burst")?;
    times.sort_unstable();
    Ok(Burst { times, took })
}
