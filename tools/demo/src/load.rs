//! Readers: a number of them for a while.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use aside_test_bed::Connection;
use futures::future::join_all;

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
