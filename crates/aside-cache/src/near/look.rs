//! The look at the sequence: one `GET`, shared by all reads that wait for one, and never more than one in the air.
//!
//! ```text
//!   reads     a ──┐       b     c ──┐ d ──┐      e
//!   looks       GET ─▶ 7          GET ─▶ 8 ┴           a and c wait for a look that is issued after they arrived
//!   good for    ├─── 3 ms ───┤    ├─── 3 ms ───┤       b and e wait for none, d for the one that is in the air: it is still
//! ```                                                  good when it lands
//!
//! A read that goes on with a look that is still good goes on as one that arrives then.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use aside_redis::{Pipeline, RedisError, Script, Subscription, Value};
use aside_runtime::timings::{Waiting, waiting};
use parking_lot::Mutex;
use tokio::sync::SetOnce;

use super::Near;
use crate::sequence::{LOOK_LIFE, SEQUENCE, SEQUENCE_LIFE};

static START: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("sequence.lua")));

/// Who looks, and who waits for which look.
#[derive(Debug)]
pub(super) struct Looks {
    /// For how long a look is good, from before it was issued.
    life: Duration,
    state: Mutex<State>,
    last: ArcSwapOption<Seen>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether somebody flies one look after the other.
    is_flying: bool,
    in_the_air: Option<Arc<Look>>,
    /// The look that is not issued yet.
    boarding: Option<Arc<Look>>,
}

/// One look; its landing is the connection it was answered on, `None` when copies are good for nobody now.
#[derive(Debug, Default)]
struct Look {
    landing: SetOnce<Option<u64>>,
}

/// What a read waits for.
#[derive(Debug)]
struct Awaited {
    in_the_air: Option<Arc<Look>>,
    next: Arc<Look>,
}

/// An answered look.
#[derive(Clone, Copy, Debug)]
struct Seen {
    issued_at: Instant,
    connection: u64,
}

impl Looks {
    /// Nobody has looked yet. A look is good for its life, and beyond it for as long as reads may be late.
    pub(super) fn new(max_staleness: Duration) -> Self {
        Self { life: LOOK_LIFE + max_staleness, state: Mutex::default(), last: ArcSwapOption::empty() }
    }

    /// How long ago the last look was issued, if it was answered on this connection. The clock is asked at each read: a process
    /// that was stopped is late, and knows.
    fn age(&self, connection: u64) -> Option<Duration> {
        let last = self.last.load();
        last.as_ref().filter(|seen| seen.connection == connection).map(|seen| seen.issued_at.elapsed())
    }

    /// What a read waits for that arrives now, and whether nobody flies it yet.
    fn board(&self) -> (Awaited, bool) {
        let mut state = self.state.lock();
        let is_first = !std::mem::replace(&mut state.is_flying, true);
        let next = Arc::clone(state.boarding.get_or_insert_default());
        (Awaited { in_the_air: state.in_the_air.clone(), next }, is_first)
    }

    /// Waits for the look that was in the air, if it is still good when it lands, else for the next.
    async fn landed(&self, awaited: Awaited) -> Option<u64> {
        if let Some(look) = awaited.in_the_air
            && let Some(connection) = *look.landing.wait().await
            && self.age(connection).is_some_and(|age| age <= self.life)
        {
            return Some(connection);
        }
        *awaited.next.landing.wait().await
    }

    /// From here on nobody boards this look. False when nobody has, and then nobody flies.
    fn take_off(&self) -> bool {
        let mut state = self.state.lock();
        state.in_the_air = state.boarding.take();
        state.is_flying = state.in_the_air.is_some();
        state.is_flying
    }

    fn land(&self, seen: Option<Seen>) {
        self.last.store(seen.map(Arc::new));
        let look = self.state.lock().in_the_air.take();
        if let Some(look) = look {
            let _lands_once = look.landing.set(seen.map(|seen| seen.connection));
        }
    }
}

impl Near {
    /// Waits for a look that is good for the read that asks, and until its number is applied.
    pub(super) async fn look(&self) -> Option<u64> {
        let awaited = self.take_part();
        waiting(Waiting::Cache, self.shared.looks.landed(awaited)).await
    }

    /// Whether there is a look that is still good: its life is not over, or was over within `CACHE_MAX_STALENESS`. One that is
    /// half as old is renewed, so that reads under load seldom wait for one.
    pub(super) fn has_looked_lately(&self, connection: u64) -> bool {
        let looks = &self.shared.looks;
        let Some(age) = looks.age(connection) else { return false };
        if age > looks.life / 2 {
            self.renew();
        }
        age <= looks.life
    }

    /// Issues a look, unless one is on its way.
    fn renew(&self) {
        if !self.shared.looks.state.lock().is_flying {
            self.take_part();
        }
    }

    /// What a read waits for that arrives now; all that arrive until the next look is issued share it.
    fn take_part(&self) -> Awaited {
        let (awaited, is_first) = self.shared.looks.board();
        if is_first {
            let pilot = Pilot { near: self.clone(), is_off_duty: false };
            self.shared.shutdown.spawn(pilot.fly());
        }
        awaited
    }

    async fn ask(&self) -> Option<Seen> {
        let subscription = self.shared.subscriber.subscription()?;
        let issued_at = Instant::now();
        match number(&subscription).await {
            Ok(number) => {
                self.shared.speeds.note_reply(issued_at.elapsed());
                let connection = subscription.number;
                self.shared.sequence.reach(connection, number).await.then_some(Seen { issued_at, connection })
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the sequence was not seen");
                None
            }
        }
    }
}

/// Flies one look after the other, as long as somebody waits for one.
struct Pilot {
    near: Near,
    /// Whether the next one to look takes another pilot.
    is_off_duty: bool,
}

impl Pilot {
    async fn fly(mut self) {
        loop {
            // Whoever is ready to read boards first: the fuller a look, the fewer there are.
            tokio::task::yield_now().await;
            if !self.take_off() {
                return;
            }
            let seen = self.near.ask().await;
            self.near.shared.looks.land(seen);
        }
    }

    /// False when nobody waits, and then this pilot is done.
    fn take_off(&mut self) -> bool {
        let has_taken_off = self.near.shared.looks.take_off();
        self.is_off_duty = !has_taken_off;
        has_taken_off
    }
}

impl Drop for Pilot {
    /// Whatever ended the task: nobody waits for ever.
    fn drop(&mut self) {
        if !self.is_off_duty {
            self.near.shared.looks.land(None);
            while self.take_off() {
                self.near.shared.looks.land(None);
            }
        }
    }
}

/// Asks for the sequence's number, and starts a sequence that is missing.
async fn number(subscription: &Subscription) -> Result<u64, RedisError> {
    let key = subscription.handle.key(SEQUENCE);
    let mut pipeline = Pipeline::with_capacity(1);
    pipeline.cmd("GET").arg(&key);
    let unexpected = || subscription.handle.unexpected("GET");
    let reply = match subscription.handle.query(&pipeline).await?.pop() {
        Some(Value::Nil) => {
            let start = START.call().key(key).millis(SEQUENCE_LIFE);
            subscription.handle.call(&[start]).await?.pop()
        }
        reply => reply,
    };
    match reply {
        Some(Value::BulkString(digits)) => {
            str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(unexpected)
        }
        Some(Value::ServerError(error)) => Err(RedisError::Command(error.into())),
        _other => Err(unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const CONNECTION: u64 = 1;

    fn seen(age: Duration) -> Seen {
        Seen { issued_at: Instant::now().checked_sub(age).expect("not so long ago"), connection: CONNECTION }
    }

    /// Looks, the first of which is in the air.
    fn one_in_the_air(max_staleness: Duration) -> Looks {
        let looks = Looks::new(max_staleness);
        looks.board();
        assert!(looks.take_off());
        looks
    }

    #[test]
    fn a_look_that_is_still_good_when_it_lands_is_good_for_who_arrived_while_it_was_in_the_air() {
        let looks = one_in_the_air(Duration::from_hours(1));
        let (awaited, _) = looks.board();
        let mut waiting = Box::pin(looks.landed(awaited));
        assert_eq!(waiting.as_mut().now_or_never(), None);

        looks.land(Some(seen(Duration::ZERO)));

        assert_eq!(waiting.now_or_never(), Some(Some(CONNECTION)));
    }

    #[test]
    fn whoever_arrived_while_a_look_was_in_the_air_that_is_over_when_it_lands_waits_for_the_next() {
        for over in [Some(seen(LOOK_LIFE * 2)), None] {
            let looks = one_in_the_air(Duration::ZERO);
            let (awaited, _) = looks.board();
            let mut waiting = Box::pin(looks.landed(awaited));

            looks.land(over);
            assert_eq!(waiting.as_mut().now_or_never(), None);
            assert!(looks.take_off());
            looks.land(Some(seen(LOOK_LIFE * 2)));

            assert_eq!(waiting.now_or_never(), Some(Some(CONNECTION)), "it was issued after whoever waits had arrived");
        }
    }

    #[test]
    fn one_flies_for_all() {
        let looks = Looks::new(Duration::ZERO);

        let first = [looks.board().1, looks.board().1];
        assert!(looks.take_off());
        looks.land(None);
        assert!(!looks.take_off(), "nobody has boarded");

        assert_eq!((first, looks.board().1), ([true, false], true));
    }
}
