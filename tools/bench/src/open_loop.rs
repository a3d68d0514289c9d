//! Latency: an open loop. Requests are due at moments that do not depend on answers, and an answer's time counts from when its
//! request was due, not from when it could be sent. A closed loop asks less while the server is slow, and so forgets to ask
//! when it would have been slowest ("coordinated omission", Gil Tene, How NOT to Measure Latency, 2013).
//!
//! Ours, since none of the well-kept generators in the registries has an open loop and another header for each request. One
//! thread with `poll`, as wrk has one: the load is on the processors that it measures, and what a runtime takes to wake a task
//! for each request would be most of it.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    iter,
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tokio::task;

/// Connections: enough that a request finds one free, unless the server is behind.
const CONNECTIONS: usize = 64;

/// How long no answer at all may come while some are awaited.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an answer has room in, at first.
const ROOM: usize = 65_536;

/// Fields of an answer, at most.
const FIELDS: usize = 32;

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
    let always = move |started| iter::repeat_with(Instant::now).take_while(move |now| *now < started + duration);
    let times = ask(address, requests, always).await?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
    let answered = times.len() as f64;
    Ok(answered / duration.as_secs_f64())
}

/// Asks `rate` times a second for a while; every answer must be 200.
pub(crate) async fn drive(
    address: &str,
    requests: Arc<Vec<Vec<u8>>>,
    rate: f64,
    duration: Duration,
) -> Result<LatencyUs> {
    let times = ask(address, requests, move |started| schedule(started, rate, duration)).await?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
    let at = |quantile| times.value_at_quantile(quantile) as f64;
    Ok(LatencyUs { half: at(0.5), most: at(0.99), nearly_all: at(0.999) })
}

/// The moments at which requests are due.
fn schedule(started: Instant, rate: f64, duration: Duration) -> impl Iterator<Item = Instant> {
    (0_u32..)
        .map(move |number| Duration::from_secs_f64(f64::from(number) / rate))
        .take_while(move |at| *at < duration)
        .map(move |at| started + at)
}

/// Asks when it is due, one request after the other and from the first again. The times of the answers, in microseconds.
async fn ask<Dues: Iterator<Item = Instant>>(
    address: &str,
    requests: Arc<Vec<Vec<u8>>>,
    dues_from: impl FnOnce(Instant) -> Dues + Send + 'static,
) -> Result<Histogram<u64>> {
    let address = address.to_owned();
    let asking = move || {
        let lines = (0..CONNECTIONS).map(|_| Line::open(&address)).collect::<Result<Vec<_>>>()?;
        Asking::with(lines)?.ask(&requests, dues_from(Instant::now()))
    };
    task::spawn_blocking(asking).await?
}

/// The connections, and what came over them.
struct Asking {
    /// In the order in which they have become free.
    free: VecDeque<Line>,
    awaited: Vec<(Line, Instant)>,
    times: Histogram<u64>,
}

impl Asking {
    fn with(lines: Vec<Line>) -> Result<Self> {
        let times = Histogram::new_with_bounds(1, 600_000_000, 3)?;
        Ok(Self { free: lines.into(), awaited: Vec::new(), times })
    }

    fn ask(mut self, requests: &[Vec<u8>], dues: impl Iterator<Item = Instant>) -> Result<Histogram<u64>> {
        let mut requests = requests.iter().cycle();
        let mut dues = dues.peekable();
        loop {
            // What finds no connection free is late, and is sent by the next one that is.
            while !self.free.is_empty()
                && let Some(due) = dues.next_if(|due| *due <= Instant::now())
                && let Some(mut line) = self.free.pop_front()
            {
                line.send(requests.next().context("there are requests")?)?;
                self.awaited.push((line, due));
            }
            let next_due = if self.free.is_empty() { None } else { dues.peek().copied() };
            if next_due.is_none() && self.awaited.is_empty() {
                return Ok(self.times);
            }
            self.receive(next_due)?;
        }
    }

    /// Waits for answers, until the next request is due.
    fn receive(&mut self, next_due: Option<Instant>) -> Result<()> {
        let wait = next_due.map_or(PATIENCE, |due| due.saturating_duration_since(Instant::now()));
        let mut sockets: Vec<_> =
            self.awaited.iter().map(|(line, _)| PollFd::new(&line.stream, PollFlags::IN)).collect();
        match poll(&mut sockets, Some(&Timespec::try_from(wait)?)) {
            Ok(0) if next_due.is_none() => bail!("no answer for {PATIENCE:?}"),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let has_come: Vec<bool> = sockets.iter().map(|socket| !socket.revents().is_empty()).collect();
        for at in (0..has_come.len()).rev().filter(|at| has_come[*at]) {
            let (line, due) = &mut self.awaited[at];
            if line.has_answered()? {
                self.times.record(u64::try_from(due.elapsed().as_micros())?)?;
                let (line, _) = self.awaited.swap_remove(at);
                self.free.push_back(line);
            }
        }
        Ok(())
    }
}

/// One connection.
struct Line {
    stream: TcpStream,
    /// Room for an answer; it grows when one finds none.
    buffer: Vec<u8>,
    /// How much of it has come.
    received: usize,
}

impl Line {
    fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, buffer: vec![0; ROOM], received: 0 })
    }

    /// The one before has been answered, so there is room for this one.
    fn send(&mut self, request: &[u8]) -> Result<()> {
        self.received = 0;
        Ok(self.stream.write_all(request)?)
    }

    /// Reads what has come; whether that is all of the answer, which must be a 200.
    fn has_answered(&mut self) -> Result<bool> {
        if self.received == self.buffer.len() {
            self.buffer.resize(2 * self.received, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.received..])?;
        ensure!(read > 0, "the server has closed the connection");
        self.received += read;
        let answer = &self.buffer[..self.received];
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(end) = head.parse(answer)? else { return Ok(false) };
        ensure!(head.code == Some(200), "{}", String::from_utf8_lossy(&answer[..end]));
        let length = head.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
        let length: usize = match length {
            Some(length) => std::str::from_utf8(length.value)?.parse().context("a length that is no number")?,
            None => 0,
        };
        Ok(answer.len() >= end + length)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use aside_test_bed::Connection;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::watch,
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

    /// A server that answers the first request when all the others have been answered.
    async fn first_answered_last(requests: u32) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicU32::new(0));
        let (answered, _) = watch::channel(0_u32);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (asked, answered) = (Arc::clone(&asked), answered.clone());
                tokio::spawn(async move {
                    let mut buffer = [0; 1_024];
                    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                            let mut others = answered.subscribe();
                            others.wait_for(|answered| *answered + 1 == requests).await.unwrap();
                        }
                        answered.send_modify(|answered| *answered += 1);
                        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn an_answer_that_stays_away_holds_up_no_other() {
        let address = first_answered_last(200).await;
        let requests = Arc::new(vec![Connection::get("/", None)]);

        let seen = drive(&address, requests, 2_000.0, Duration::from_millis(100)).await.unwrap();

        assert!(seen.half > 0.0, "{seen:?}");
    }

    /// A server that says this once, in two pieces, and goes.
    async fn says(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = [0; 1_024];
                    let _request = stream.read(&mut buffer).await;
                    let (head, rest) = answer.split_at(answer.len() / 2);
                    let _gone = stream.write_all(head).await;
                    tokio::task::yield_now().await;
                    let _gone = stream.write_all(rest).await;
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn one_answer_that_is_no_200_or_breaks_off_is_an_error() {
        let once = |address: String| async move {
            let requests = Arc::new(vec![Connection::get("/", None)]);
            drive(&address, requests, 1.0, Duration::from_millis(1)).await
        };

        once(says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage").await).await.unwrap();
        let refused = once(says(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await).await;
        let short = once(says(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\npage").await).await;

        assert!(refused.unwrap_err().to_string().contains("503 Service Unavailable"));
        assert_eq!(short.unwrap_err().to_string(), "the server has closed the connection");
    }
}
