//! Readers: a number of them for a while, or all at one moment.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use aside_stage::Connection;
use futures::future::{join_all, try_join_all};
use tokio::sync::Barrier;

/// Connections opened at a time: more than that, and the kernel's backlog is full.
const OPENED_AT_ONCE: usize = 200;

/// What readers have seen.
pub(crate) struct Seen {
    /// How long each answer took, the shortest first.
    pub(crate) times: Vec<Duration>,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
}

impl Seen {
    fn new(mut times: Vec<Duration>, took: Duration) -> Self {
        times.sort_unstable();
        Self { times, took }
    }

    /// The time within which so many percent were answered.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        let answers = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        f64::from(answers) / self.took.as_secs_f64()
    }
}

/// So many readers, each of which sends its next request when it has the last answer, for a while.
pub(crate) async fn closed_loop(
    address: &str,
    requests: &Arc<Vec<Vec<u8>>>,
    readers: usize,
    duration: Duration,
) -> Result<Seen> {
    let started = Instant::now();
    let reader = |number: usize| {
        let (address, requests) = (address.to_owned(), Arc::clone(requests));
        tokio::spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let mut times = Vec::new();
            let mut next = number * 7;
            while started.elapsed() < duration {
                let asked = Instant::now();
                let answer = connection.ask(&requests[next % requests.len()]).await?;
                ensure!(answer.status == 200, "{}", answer.head);
                times.push(asked.elapsed());
                next += readers;
            }
            anyhow::Ok(times)
        })
    };
    let times = join_all((0..readers).map(reader)).await;
    let took = started.elapsed();
    let times: Vec<Vec<Duration>> = times.into_iter().map(|times| times?).collect::<Result<_>>()?;
    Ok(Seen::new(times.concat(), took))
}

/// So many readers, who are all connected, and all ask at one moment.
pub(crate) async fn burst(address: &str, request: &[u8], readers: usize) -> Result<Seen> {
    let mut connections = Vec::with_capacity(readers);
    while connections.len() < readers {
        let some = (readers - connections.len()).min(OPENED_AT_ONCE);
        connections.extend(try_join_all((0..some).map(|_| Connection::open(address))).await?);
    }
    let (request, now) = (Arc::new(request.to_vec()), Arc::new(Barrier::new(readers + 1)));
    let asking: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (request, now) = (Arc::clone(&request), Arc::clone(&now));
            tokio::spawn(async move {
                now.wait().await;
                let asked = Instant::now();
                let answer = connection.ask(&request).await?;
                ensure!(answer.status == 200, "{}", answer.head);
                anyhow::Ok(asked.elapsed())
            })
        })
        .collect();
    now.wait().await;
    let started = Instant::now();
    let times = join_all(asking).await;
    let took = started.elapsed();
    let times: Vec<Duration> = times.into_iter().map(|time| time?).collect::<Result<_>>().context("of a burst")?;
    Ok(Seen::new(times, took))
}
