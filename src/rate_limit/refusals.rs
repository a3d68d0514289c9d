//! Clients over their quota, remembered in the process, so that a flood of theirs costs Redis nothing.
//!
//! Only what Redis refused, only until Redis would admit it again, and only where nothing is given back: until then more
//! can be counted, and never less, so the same answer would come.
//!
//! ```text
//!   here      asked ─────────────────── answered
//!   Redis              decided ├──────── retry_in ────────┤ admits again
//!   refused here until  asked + retry_in (less the drift) ┘   never later than Redis admits
//!   told to the client  answered + retry_in                   never earlier
//! ```

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;

use super::{policy::Charge, server_clock::DRIFT_SHARE};

/// Clients remembered. With more of them over their quota at once, some cost a round trip more; some 10 MB.
const CAPACITY: usize = 65_536;

/// The clients that Redis refused.
#[derive(Debug)]
pub(super) struct Refusals {
    refused: Cache<Charge, Refused>,
    began: Instant,
    /// Nobody is refused from then on, in milliseconds since `began`.
    until_ms: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    /// Redis certainly refuses until then.
    until: Instant,
    /// Redis certainly has room from then on.
    room_at: Instant,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { refused: Cache::new(CAPACITY), began: Instant::now(), until_ms: AtomicU64::new(0) }
    }

    /// Whether anybody may be refused at the moment that `now` tells.
    pub(super) fn are_any(&self, now: impl FnOnce() -> Instant) -> bool {
        let until_ms = self.until_ms.load(Ordering::Relaxed);
        // As long as nobody ever was, no clock is asked.
        until_ms > 0 && self.since_began_ms(now()) < until_ms
    }

    /// Remembers that Redis, asked at `asked`, had answered by `answered` that there is no room for `retry_in`.
    pub(super) fn remember(&self, charge: &Charge, asked: Instant, answered: Instant, retry_in: Duration) {
        // What the clocks may have run apart by is not refused here but left to Redis.
        let until = asked + retry_in.saturating_sub(retry_in / DRIFT_SHARE);
        self.refused.insert(charge.clone(), Refused { until, room_at: answered + retry_in });
        self.until_ms.fetch_max(self.since_began_ms(until) + 1, Ordering::Relaxed);
    }

    fn since_began_ms(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// How long a client should wait that Redis would certainly refuse now; `None` when Redis has to be asked.
    pub(super) fn wait(&self, charge: &Charge, now: Instant) -> Option<Duration> {
        let refused = self.refused.get(charge)?;
        if now < refused.until {
            return Some(refused.room_at - now);
        }
        self.refused.remove(charge);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::Policy;

    const SECOND: Duration = Duration::from_secs(1);

    fn charge(client: &str) -> Charge {
        Charge::new(Policy::Anonymous, client)
    }

    #[test]
    fn a_refusal_ends_before_redis_admits_and_is_told_to_last_until_it_certainly_does() {
        let refusals = Refusals::new();
        let asked = Instant::now();
        let answered = asked + SECOND;

        refusals.remember(&charge("client"), asked, answered, 10 * SECOND);

        assert_eq!(refusals.wait(&charge("client"), answered), Some(10 * SECOND));
        assert_eq!(refusals.wait(&charge("client"), asked + 9 * SECOND), Some(2 * SECOND));
        assert_eq!(refusals.wait(&charge("other"), asked), None);
        // The earliest moment at which Redis may have decided is `asked`, by a clock that may be 1,000 ppm faster.
        assert_eq!(refusals.wait(&charge("client"), asked + Duration::from_millis(9_990)), None);
        assert_eq!(refusals.refused.len(), 0);
    }

    #[test]
    fn while_nobody_is_refused_nobody_is_looked_for() {
        let refusals = Refusals::new();
        let now = Instant::now();
        assert!(!refusals.are_any(|| now));

        refusals.remember(&charge("client"), now, now, 10 * SECOND);
        refusals.remember(&charge("other"), now, now, SECOND);

        assert!(refusals.are_any(|| now + 9 * SECOND));
        assert!(!refusals.are_any(|| now + 11 * SECOND));
    }

    #[test]
    fn distinct_attackers_do_not_make_it_grow() {
        let refusals = Refusals::new();
        let now = Instant::now();

        for attacker in 0..2 * CAPACITY {
            refusals.remember(&charge(&attacker.to_string()), now, now, SECOND);
        }

        assert!(refusals.refused.len() <= CAPACITY);
    }
}
