//! One clock for all time-outs of a connection, one after the other.
//!
//! hyper makes a sleep for each head that it waits for and drops it once the head is there; in tokio's timer each of them goes
//! in and out of one wheel, behind one lock for all threads. Here a connection has one place in that wheel. A time-out that
//! does not come about leaves the clock as it is; when it rings too early, it is set to what is waited for by then.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};
use tokio::time;

/// The clock of one connection. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct OneClock(Arc<Mutex<Option<Pin<Box<time::Sleep>>>>>);

/// A time-out. Only the latest of a clock is waited for.
#[derive(Debug)]
struct TimeOut {
    at: Instant,
    clock: OneClock,
}

impl Timer for OneClock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(TimeOut { at, clock: self.clone() })
    }
}

impl Sleep for TimeOut {}

impl Future for TimeOut {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let at = time::Instant::from_std(self.at);
        let mut clock = self.clock.0.lock().unwrap_or_else(PoisonError::into_inner);
        let clock = clock.get_or_insert_with(|| Box::pin(time::sleep_until(at)));
        if clock.deadline() > at {
            clock.as_mut().reset(at);
        }
        loop {
            ready!(clock.as_mut().poll(context));
            if clock.deadline() >= at {
                return Poll::Ready(());
            }
            // That was for a time-out which has not come about.
            clock.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::poll;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_later_time_out_is_waited_for_when_the_clock_rings_for_an_earlier_one() {
        let (clock, start) = (OneClock::default(), time::Instant::now());
        let mut first = clock.sleep_until((start + SECOND).into_std());
        assert!(poll!(first.as_mut()).is_pending());
        drop(first);

        clock.sleep_until((start + 3 * SECOND).into_std()).await;

        assert_eq!(time::Instant::now(), start + 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_time_out_does_not_wait_for_a_later_one() {
        let (clock, start) = (OneClock::default(), time::Instant::now());
        let mut first = clock.sleep_until((start + 60 * SECOND).into_std());
        assert!(poll!(first.as_mut()).is_pending());
        drop(first);

        clock.sleep_until((start + SECOND).into_std()).await;

        assert_eq!(time::Instant::now(), start + SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_over_when_it_is_first_asked_for_is_over() {
        let (clock, start) = (OneClock::default(), time::Instant::now());
        time::advance(5 * SECOND).await;

        clock.sleep_until((start + SECOND).into_std()).await;

        assert_eq!(time::Instant::now(), start + 5 * SECOND);
    }
}
