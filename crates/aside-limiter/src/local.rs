//! The limiter of one process, for while Redis is away.
//!
//! It is not fed while Redis is there: that would cost every request for the sake of few. So when Redis goes away each
//! replica starts with what it counted the last time that Redis was away, and a client may have its quota once more from
//! each. Memory is bounded: of more clients than it holds, those seen least start anew.

use std::time::Instant;

use parking_lot::Mutex;
use quick_cache::unsync::Cache;

use super::{
    policy::{Charge, Limit},
    verdict::Verdict,
    window::Tally,
};

/// Clients counted at once: at most 1 KB each, when they use all buckets of a window.
const CAPACITY: usize = 32_768;

/// What each client was admitted.
type Tallies = Cache<Charge, Tally>;

/// Limits by what this process alone has seen.
#[derive(Debug)]
pub(super) struct LocalLimiter {
    /// The zero of its time.
    started: Instant,
    tallies: Mutex<Tallies>,
}

impl LocalLimiter {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), tallies: Mutex::new(Cache::new(CAPACITY)) }
    }

    /// As `admit.lua`: all limits admit, or none is charged.
    pub(super) fn admit(&self, limits: &[Limit]) -> Verdict {
        let mut tallies = self.tallies.lock();
        // Read while the lock is held, so that time never goes back for a tally.
        let time_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        decide(&mut tallies, limits, time_us)
    }

    /// Gives one request back to the bucket it was counted in.
    pub(super) fn refund(&self, limit: &Limit, bucket: u64) {
        if let Some(mut tally) = self.tallies.lock().get_mut(&limit.charge) {
            tally.refund(bucket);
        }
    }
}

fn decide(tallies: &mut Tallies, limits: &[Limit], now_us: u64) -> Verdict {
    let read = |limit: &Limit| {
        let quota = limit.quota.requests;
        match tallies.get_mut(&limit.charge) {
            Some(mut tally) => tally.read(now_us, limit.cut, quota),
            None => Tally::default().read(now_us, limit.cut, quota),
        }
    };
    let verdict = Verdict::of_this_process(now_us, limits.iter().map(read).collect());
    if !verdict.is_admission() {
        return verdict;
    }
    let charge = |limit: &Limit| {
        if let Some(mut tally) = tallies.get_mut(&limit.charge) {
            return tally.charge(now_us, limit.cut);
        }
        let mut tally = Tally::default();
        let reading = tally.charge(now_us, limit.cut);
        tallies.insert(limit.charge.clone(), tally);
        reading
    };
    Verdict::of_this_process(now_us, limits.iter().map(charge).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Quota, policy::Policy, window::Subwindows};

    fn limit(client: &str) -> Limit {
        let quota = Quota { requests: 1, window: Duration::from_secs(1) };
        let cut = Subwindows::of(quota.window);
        Limit { charge: Charge::new(Policy::new("signed-in").leased(), client), quota, cut }
    }

    #[test]
    fn it_admits_again_when_the_bucket_has_left_the_window() {
        let mut tallies = Cache::new(CAPACITY);
        let limits = [limit("1")];
        // The second bucket of 16,666 us.
        let left = 2 * 16_666 + 1_000_000;

        assert!(decide(&mut tallies, &limits, 20_000).is_admission());
        assert!(!decide(&mut tallies, &limits, left - 1).is_admission());
        assert!(decide(&mut tallies, &limits, left).is_admission());
    }

    #[test]
    fn distinct_attackers_do_not_make_it_grow() {
        let limiter = LocalLimiter::new();

        for attacker in 0..2 * CAPACITY {
            limiter.admit(&[limit(&attacker.to_string())]);
        }

        assert!(limiter.tallies.lock().len() <= CAPACITY);
    }
}
