//! Latency: an open loop. Requests are due at moments that do not depend on answers, and an answer's time counts from when its
//! request was due, not from when it could be sent. A closed loop asks less while the server is slow, and so forgets to ask
//! when it would have been slowest ("coordinated omission", Gil Tene, How NOT to Measure Latency, 2013).
//!
//! Ours, since none of the well-kept generators in the registries has an open loop and another header for each request.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use aside_stage::Connection;
use futures::future::try_join_all;
use hdrhistogram::Histogram;
use tokio::sync::mpsc;

/// Connections: enough that a request finds one free, unless the server is behind.
const CONNECTIONS: usize = 64;

/// Times of answers in microseconds: within which half were answered, 99 %, and 99.9 %.
#[derive(Clone, Debug)]
pub(crate) struct LatencyUs {
    pub(crate) half: f64,
    pub(crate) most: f64,
    pub(crate) nearly_all: f64,
}

/// How many requests a second are answered while each connection asks as soon as it has been answered: the full load, of
/// which others are a part.
pub(crate) async fn full_rate(address: &str, requests: Arc<Vec<Vec<u8>>>, duration: Duration) -> Result<f64> {
    let connections = try_join_all((0..CONNECTIONS).map(|_| Connection::open(address))).await?;
    let until = Instant::now() + duration;
    let asking = connections.into_iter().enumerate().map(|(first, mut connection)| {
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut answered = 0_u32;
            for request in requests.iter().cycle().skip(first).step_by(CONNECTIONS) {
                if Instant::now() >= until {
                    break;
                }
                let answer = connection.ask(request).await?;
                ensure!(answer.status == 200, "{}", answer.head);
                answered += 1;
            }
            anyhow::Ok(f64::from(answered))
        })
    });
    let answered = try_join_all(asking).await?.into_iter().sum::<Result<f64>>()?;
    Ok(answered / duration.as_secs_f64())
}

/// Asks `rate` times a second for a while; every answer must be 200.
pub(crate) async fn drive(
    address: &str,
    requests: Arc<Vec<Vec<u8>>>,
    rate: f64,
    duration: Duration,
) -> Result<LatencyUs> {
    let connections = try_join_all((0..CONNECTIONS).map(|_| Connection::open(address))).await?;
    let (dues, asking): (Vec<_>, Vec<_>) = connections
        .into_iter()
        .map(|connection| {
            let (due, dues) = mpsc::unbounded_channel();
            (due, tokio::spawn(ask(connection, dues, Arc::clone(&requests))))
        })
        .unzip();
    // A thread of its own: the runtime's timers are a millisecond apart.
    let schedule = thread::spawn(move || {
        for (number, due) in schedule(Instant::now(), rate, duration).enumerate() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if dues[number % dues.len()].send((number, due)).is_err() {
                return;
            }
        }
    });
    let mut all = histogram()?;
    for times in asking {
        all.add(times.await??)?;
    }
    schedule.join().ok().context("the schedule broke off")?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
    let at = |quantile| all.value_at_quantile(quantile) as f64;
    Ok(LatencyUs { half: at(0.5), most: at(0.99), nearly_all: at(0.999) })
}

/// The moments at which requests are due.
fn schedule(started: Instant, rate: f64, duration: Duration) -> impl Iterator<Item = Instant> {
    (0_u32..)
        .map(move |number| Duration::from_secs_f64(f64::from(number) / rate))
        .take_while(move |at| *at < duration)
        .map(move |at| started + at)
}

async fn ask(
    mut connection: Connection,
    mut dues: mpsc::UnboundedReceiver<(usize, Instant)>,
    requests: Arc<Vec<Vec<u8>>>,
) -> Result<Histogram<u64>> {
    let mut times = histogram()?;
    while let Some((number, due)) = dues.recv().await {
        let answer = connection.ask(&requests[number % requests.len()]).await?;
        ensure!(answer.status == 200, "{}", answer.head);
        times.record(u64::try_from(due.elapsed().as_micros())?)?;
    }
    Ok(times)
}

fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 600_000_000, 3)?)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn requests_are_due_at_even_distances() {
        let started = Instant::now();

        let dues: Vec<Duration> = schedule(started, 4.0, Duration::from_secs(1)).map(|due| due - started).collect();

        assert_eq!(dues, [0, 250, 500, 750].map(Duration::from_millis));
    }

    /// A server that answers nothing for a while and then everything at once; it counts its answers.
    async fn silent_for(silence: Duration) -> (String, Arc<AtomicU32>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let silent_until = Instant::now() + silence;
        let answers = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answers = Arc::clone(&counted);
                tokio::spawn(async move {
                    let mut buffer = [0; 1_024];
                    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        tokio::time::sleep_until(silent_until.into()).await;
                        answers.fetch_add(1, Ordering::SeqCst);
                        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                    }
                });
            }
        });
        (address, answers)
    }

    #[tokio::test]
    async fn the_full_rate_is_of_what_was_answered() {
        let (address, answers) = silent_for(Duration::ZERO).await;
        let requests = Arc::new(vec![Connection::get("/", None); 100]);

        let rate = full_rate(&address, requests, Duration::from_millis(500)).await.unwrap();

        let answers = f64::from(answers.load(Ordering::SeqCst));
        assert!(answers > 0.0 && (rate - 2.0 * answers).abs() < 1.0, "{rate}, {answers}");
    }

    /// In a closed loop one of two hundred would be slow; those that were due meanwhile were late, too.
    #[tokio::test]
    async fn what_was_due_while_the_server_was_silent_counts_as_late() {
        let (address, _) = silent_for(Duration::from_secs(1)).await;
        let requests = Arc::new(vec![Connection::get("/", None)]);

        let seen = drive(&address, requests, 200.0, Duration::from_secs(1)).await.unwrap();

        assert!(seen.half > 200_000.0, "{seen:?}");
    }
}
