//! Clients over their quota, remembered in the process, so that a flood of theirs costs Redis nothing.
//!
//! Only what Redis refused, and only where nothing is given back: until Redis would admit the client again more can be counted,
//! and never less, so the same answer would come. The exception is an operator who lifts a limit (deletes its key). So Redis is
//! asked again every [`ASK_AGAIN`], by one request, while the others go on being refused. What a client is told is what Redis
//! said, not how long it is remembered.
//!
//! ```text
//!   here      asked ─────────────────── answered
//!   Redis              decided ├──────── retry_in ────────┤ admits again
//!   refused here until  asked + retry_in (less the drift) ┘   never later than Redis admits
//!   asked again from    asked + ASK_AGAIN, 2 * ASK_AGAIN …
//!   told to the client  answered + retry_in                   never earlier
//! ```

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;

use super::{policy::Charge, server_clock::DRIFT_SHARE};

/// Clients remembered. With more of them over their quota at once, some cost a round trip more; some 12 MB.
const CAPACITY: usize = 65_536;

/// How long a refusal is repeated before Redis is asked again.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How long the one that asks again may take before another one asks.
const ASKING: Duration = Duration::from_secs(1);

/// The clients that Redis refused.
#[derive(Debug)]
pub(super) struct Refusals {
    refused: Cache<Charge, Refused>,
    began: Instant,
    /// No client is refused from then on, in milliseconds since `began`.
    until_ms: AtomicU64,
}

/// What Redis said of a client without room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    /// Until some of what is counted leaves the window.
    pub(super) frees_in: Duration,
    /// Until there is room for one request.
    pub(super) retry_in: Duration,
}

#[derive(Clone, Debug)]
struct Refused {
    /// Redis refuses until then, unless an operator lifts the limit.
    until: Instant,
    /// Redis has more room from then on, and room for one request.
    frees_at: Instant,
    room_at: Instant,
    /// When one request asks Redis again, in milliseconds since `began`.
    ask_at_ms: Arc<AtomicU64>,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { refused: Cache::new(CAPACITY), began: Instant::now(), until_ms: AtomicU64::new(0) }
    }

    /// Whether a client may be refused at the moment that `now` tells.
    pub(super) fn are_any(&self, now: impl FnOnce() -> Instant) -> bool {
        let until_ms = self.until_ms.load(Ordering::Relaxed);
        // As long as none ever was, no clock is asked.
        until_ms > 0 && self.since_began_ms(now()) < until_ms
    }

    /// Remembers what Redis, asked at `asked`, had answered by `answered`. It is asked again after `ask_again`.
    pub(super) fn remember(&self, charge: &Charge, asked: Instant, answered: Instant, wait: Wait, ask_again: Duration) {
        // What the clocks may have run apart by is not refused here but left to Redis.
        let until = asked + wait.retry_in.saturating_sub(wait.retry_in / DRIFT_SHARE);
        let refused = Refused {
            until,
            frees_at: answered + wait.frees_in,
            room_at: answered + wait.retry_in,
            ask_at_ms: Arc::new(self.since_began_ms(asked + ask_again).into()),
        };
        self.refused.insert(charge.clone(), refused);
        self.until_ms.fetch_max(self.since_began_ms(until) + 1, Ordering::Relaxed);
    }

    /// Redis has admitted the client, or something was given back.
    pub(super) fn forget(&self, charge: &Charge) {
        if self.are_any(Instant::now) {
            self.refused.remove(charge);
        }
    }

    /// How long a client should wait that Redis would refuse now; `None` when Redis has to be asked, which the caller does.
    pub(super) fn wait(&self, charge: &Charge, now: Instant) -> Option<Wait> {
        let refused = self.current(charge, now)?;
        let (due, now_ms) = (refused.ask_at_ms.load(Ordering::Relaxed), self.since_began_ms(now));
        let next = now_ms + u64::try_from(ASKING.as_millis()).unwrap_or_default();
        let asks = now_ms >= due
            && refused.ask_at_ms.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        (!asks).then(|| refused.wait(now))
    }

    /// The same for a caller who does not ask Redis: `None` also while Redis is to be asked again.
    pub(super) fn peek(&self, charge: &Charge, now: Instant) -> Option<Wait> {
        let refused = self.current(charge, now)?;
        (self.since_began_ms(now) < refused.ask_at_ms.load(Ordering::Relaxed)).then(|| refused.wait(now))
    }

    fn current(&self, charge: &Charge, now: Instant) -> Option<Refused> {
        let refused = self.refused.get(charge)?;
        if now < refused.until {
            return Some(refused);
        }
        self.refused.remove(charge);
        None
    }

    fn since_began_ms(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX - 1)
    }
}

impl Refused {
    fn wait(&self, now: Instant) -> Wait {
        let retry_in = self.room_at.saturating_duration_since(now);
        let frees_in = self.frees_at.saturating_duration_since(now);
        // Some has left since, and what leaves next is not known here.
        Wait { frees_in: if frees_in.is_zero() { retry_in } else { frees_in }, retry_in }
    }
}

#[cfg(test)]
#[path = "refusals_tests.rs"]
mod tests;
