//! The look at the sequence: one `GET`, shared by all reads that wait for one, and never more than one in the air.
//!
//! ```text
//!   reads     a ──┐       c    b ──┐        d
//!   looks       GET ─▶ 7         GET ─▶ 8            a and b wait for a look that is issued after they arrived
//!   good for    ├─── 3 ms ───┤   ├─── 3 ms ───┤      c and d wait for none
//! ```

use std::{
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use arc_swap::ArcSwapOption;
use tokio::sync::SetOnce;

use super::Near;
use crate::{
    cache::sequence::{LOOK_LIFE, SEQUENCE, SEQUENCE_LIFE},
    redis_client::{Listening, Pipeline, RedisError, Script, Value},
    telemetry::timings::{Waiting, waiting},
};

static START: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("sequence.lua")));

/// Who looks, and who waits for the next look.
#[derive(Debug, Default)]
pub(super) struct Looks {
    state: Mutex<State>,
    last: ArcSwapOption<Seen>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether somebody flies one look after the other.
    is_flying: bool,
    /// The look that is not issued yet.
    boarding: Option<Arc<Look>>,
}

/// One look; its landing is the connection it was answered on, `None` when copies are good for nobody now.
#[derive(Debug, Default)]
struct Look {
    landing: SetOnce<Option<u64>>,
}

/// An answered look.
#[derive(Clone, Copy, Debug)]
struct Seen {
    issued_at: Instant,
    connection: u64,
}

impl Looks {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Near {
    /// Waits for a look that is issued from now on, and until its number is applied.
    pub(super) async fn look(&self) -> Option<u64> {
        let look = self.take_part();
        *waiting(Waiting::Cache, look.landing.wait()).await
    }

    /// Whether there is a look that is still good: its life is not over, or was over within `CACHE_MAX_STALENESS`. One that is
    /// half as old is renewed, so that reads under load never wait for one.
    pub(super) fn has_looked_lately(&self, connection: u64) -> bool {
        let life = LOOK_LIFE + self.shared.max_staleness;
        let last = self.shared.looks.last.load();
        // The clock is asked at each read: a process that was stopped is late, and knows.
        let of_this = last.as_ref().filter(|seen| seen.connection == connection);
        let Some(age) = of_this.map(|seen| seen.issued_at.elapsed()) else { return false };
        if age > life / 2 {
            self.renew();
        }
        age <= life
    }

    /// Issues a look, unless one is on its way.
    fn renew(&self) {
        if !self.shared.looks.lock().is_flying {
            self.take_part();
        }
    }

    /// The look that is issued next, which all reads that arrive until then share.
    fn take_part(&self) -> Arc<Look> {
        let (look, is_first) = {
            let mut state = self.shared.looks.lock();
            let is_first = !std::mem::replace(&mut state.is_flying, true);
            (Arc::clone(state.boarding.get_or_insert_default()), is_first)
        };
        if is_first {
            let pilot = Pilot { near: self.clone(), look: None, is_off_duty: false };
            self.shared.shutdown.spawn(pilot.fly());
        }
        look
    }

    async fn ask(&self) -> Option<Seen> {
        let listening = self.shared.listener.listening()?;
        let issued_at = Instant::now();
        match number(&listening).await {
            Ok(number) => {
                let connection = listening.number;
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
    /// The look in the air.
    look: Option<Arc<Look>>,
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
            self.land(seen);
        }
    }

    /// From here on nobody boards this look. False when nobody has, and then this pilot is done.
    fn take_off(&mut self) -> bool {
        let mut state = self.near.shared.looks.lock();
        self.look = state.boarding.take();
        state.is_flying = self.look.is_some();
        self.is_off_duty = !state.is_flying;
        state.is_flying
    }

    fn land(&mut self, seen: Option<Seen>) {
        self.near.shared.looks.last.store(seen.map(Arc::new));
        if let Some(look) = self.look.take() {
            let _lands_once = look.landing.set(seen.map(|seen| seen.connection));
        }
    }
}

impl Drop for Pilot {
    /// Whatever ended the task: nobody waits for ever.
    fn drop(&mut self) {
        if !self.is_off_duty {
            self.land(None);
            while self.take_off() {
                self.land(None);
            }
        }
    }
}

/// Asks for the sequence's number, and starts a sequence that is missing.
async fn number(listening: &Listening) -> Result<u64, RedisError> {
    let key = listening.handle.key(SEQUENCE);
    let mut pipeline = Pipeline::with_capacity(1);
    pipeline.cmd("GET").arg(&key);
    let unexpected = RedisError::UnexpectedReply { command: "GET" };
    let reply = match listening.handle.query(&pipeline).await?.pop() {
        Some(Value::Nil) => {
            let start = START.call().key(key).millis(SEQUENCE_LIFE);
            listening.handle.call(&[start]).await?.pop()
        }
        reply => reply,
    };
    match reply {
        Some(Value::BulkString(digits)) => {
            str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok()).ok_or(unexpected)
        }
        Some(Value::ServerError(error)) => Err(RedisError::Command(error.into())),
        _other => Err(unexpected),
    }
}
