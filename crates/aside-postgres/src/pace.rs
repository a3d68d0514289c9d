//! How often the pool may try to connect to a server that refuses connections.
//!
//! Each caller who finds no connection tries to make one until its deadline, and so does each replica: a server without room would be
//! asked hundreds of times a second. So once an attempt failed, there is one at a time, and the waits between them grow.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use aside_runtime::backoff::{Backoff, LONG_LIFE};
use parking_lot::Mutex;
use tokio::{
    sync,
    time::{self, Instant},
};

/// The pace of one process.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Spares the queue as long as all goes well.
    is_troubled: AtomicBool,
    queue: sync::Mutex<()>,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    backoff: Backoff,
    /// The last attempt that failed, or the last end of a young connection, and the wait after it.
    last: Option<(Instant, Duration)>,
}

impl Pace {
    /// Makes an attempt when it is due. One that succeeds is followed by the next at once.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue.
    pub(crate) async fn attempt<T, E>(&self, connect: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let _turn = if self.is_troubled.load(Ordering::Relaxed) { Some(self.turn().await) } else { None };
        let outcome = connect.await;
        if outcome.is_err() {
            self.slow_down(Backoff::failed);
        }
        outcome
    }

    /// A connection that was made so long ago leads nowhere.
    pub(crate) fn note_end(&self, age: Duration) {
        if age < LONG_LIFE {
            self.slow_down(|backoff| backoff.ended(age));
        }
    }

    /// Waits for the attempts before, and until the wait is over.
    async fn turn(&self) -> sync::MutexGuard<'_, ()> {
        let turn = self.queue.lock().await;
        let last = self.trouble.lock().last;
        if let Some((since, wait)) = last {
            time::sleep_until(since + wait).await;
            if since.elapsed() >= LONG_LIFE {
                self.is_troubled.store(false, Ordering::Relaxed);
            }
        }
        turn
    }

    /// Many attempts that fail at the same moment are one.
    fn slow_down(&self, grow: impl FnOnce(&mut Backoff) -> Duration) {
        let mut trouble = self.trouble.lock();
        match trouble.last.map(|(since, wait)| (since.elapsed(), wait)) {
            Some((age, wait)) if age < wait => return,
            Some((age, _)) if age >= LONG_LIFE => trouble.backoff = Backoff::default(),
            _soon_after_the_last => {}
        }
        let wait = grow(&mut trouble.backoff);
        trouble.last = Some((Instant::now(), wait));
        self.is_troubled.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, iter};

    use futures::future::join_all;

    use super::*;

    /// How many attempts sixteen callers make within this time, when these are the outcomes.
    async fn attempts(within: Duration, outcome: impl Fn(u32) -> Result<(), ()>) -> u32 {
        let (pace, made) = (Pace::default(), Cell::new(0));
        let caller = async || loop {
            let attempt = pace.attempt(async {
                made.set(made.get() + 1);
                time::sleep(Duration::from_millis(1)).await;
                outcome(made.get())
            });
            if attempt.await.is_ok() {
                pace.note_end(Duration::ZERO);
            }
        };
        let callers = join_all(iter::repeat_with(caller).take(16));
        let _for_a_while = time::timeout(within, callers).await;
        made.get()
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_refuses_is_asked_once_a_second_by_all_callers_together() {
        let made = attempts(Duration::from_mins(1), |_| Err(())).await;

        assert!((50..140).contains(&made), "{made}");
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_end_at_once_are_made_seldom() {
        let made = attempts(Duration::from_mins(1), |_| Ok(())).await;

        assert!((10..60).contains(&made), "{made}");
    }

    #[tokio::test(start_paused = true)]
    async fn once_there_is_room_all_callers_connect_without_further_waits() {
        let pace = Pace::default();
        for _ in 0..10 {
            let _refused = pace.attempt(async { Err::<(), ()>(()) }).await;
        }
        let refused_until = Instant::now();

        let connected = join_all((0..16).map(|_| pace.attempt(async { Ok::<(), ()>(()) }))).await;

        assert!(connected.iter().all(Result::is_ok));
        assert!(refused_until.elapsed() <= Duration::from_secs(1));
    }
}
