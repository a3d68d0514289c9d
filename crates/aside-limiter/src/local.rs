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
    window::Counter,
};

/// Clients counted at once: at most 1 KB each, when they use all slices of a window.
const CAPACITY: usize = 32_768;

/// What each client was admitted.
type Counters = Cache<Charge, Counter>;

/// Limits by what this process alone has seen.
#[derive(Debug)]
pub(super) struct LocalLimiter {
    /// The zero of its time.
    started: Instant,
    counters: Mutex<Counters>,
}

impl LocalLimiter {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), counters: Mutex::new(Cache::new(CAPACITY)) }
    }

    /// As `admit.lua`: all limits admit, or none is charged.
    pub(super) fn admit(&self, limits: &[Limit]) -> Verdict {
        let mut counters = self.counters.lock();
        // Read while the lock is held, so that time never goes back for a counter.
        let time_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        decide(&mut counters, limits, time_us)
    }

    /// Gives one request back to the slice it was counted in.
    pub(super) fn refund(&self, limit: &Limit, slice: u64) {
        if let Some(mut counter) = self.counters.lock().get_mut(&limit.charge) {
            counter.refund(slice);
        }
    }
}

fn decide(counters: &mut Counters, limits: &[Limit], now_us: u64) -> Verdict {
    let read = |limit: &Limit| {
        let quota = limit.quota.requests;
        match counters.get_mut(&limit.charge) {
            Some(mut counter) => counter.read(now_us, limit.slices, quota),
            None => Counter::default().read(now_us, limit.slices, quota),
        }
    };
    let verdict = Verdict::of_this_process(now_us, limits.iter().map(read).collect());
    if !verdict.is_admission() {
        return verdict;
    }
    let charge = |limit: &Limit| {
        if let Some(mut counter) = counters.get_mut(&limit.charge) {
            return counter.charge(now_us, limit.slices);
        }
        let mut counter = Counter::default();
        let reading = counter.charge(now_us, limit.slices);
        counters.insert(limit.charge.clone(), counter);
        reading
    };
    Verdict::of_this_process(now_us, limits.iter().map(charge).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Quota, policy::Policy, window::Slices};

    fn limit(client: &str) -> Limit {
        let quota = Quota { requests: 1, window: Duration::from_secs(1) };
        let slices = Slices::of(quota.window);
        Limit { charge: Charge::new(Policy::new("signed-in").leased(), client), quota, slices }
    }

    #[test]
    fn it_admits_again_when_the_bucket_has_left_the_window() {
        let mut counters = Cache::new(CAPACITY);
        let limits = [limit("1")];
        // The second slice of 16,666 us.
        let left = 2 * 16_666 + 1_000_000;

        assert!(decide(&mut counters, &limits, 20_000).is_admission());
        assert!(!decide(&mut counters, &limits, left - 1).is_admission());
        assert!(decide(&mut counters, &limits, left).is_admission());
    }

    #[test]
    fn distinct_attackers_do_not_make_it_grow() {
        let limiter = LocalLimiter::new();

        for attacker in 0..2 * CAPACITY {
            limiter.admit(&[limit(&attacker.to_string())]);
        }

        assert!(limiter.counters.lock().len() <= CAPACITY);
    }
}
