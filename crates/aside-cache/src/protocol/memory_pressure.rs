//! The memory-pressure back-off: a full Redis that has little of what is asked for is left alone for a moment.
//!
//! A full Redis that evicts nothing goes on answering lookups and taking fences, and refuses leases and values. As long as most
//! of what is asked for is in it, it is worth asking. Otherwise each read pays for a lookup and a refusal before it loads all the
//! same: without this, reads of a full Redis reached 0.6 of the throughput of `Mode::Off`.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How long Redis is left alone then; and how long it is counted before that begins anew.
const PAUSE: Duration = Duration::from_secs(1);

/// Fewer refusals than this are no reason.
const MIN_REFUSALS: u64 = 32;

/// It is worth asking with more hits than this for each refusal.
const HITS_A_REFUSAL: u64 = 4;

/// Counts hits and refusals.
#[derive(Debug, Default)]
pub(super) struct MemoryPressure {
    hits: AtomicU64,
    refusals: AtomicU64,
    times: Mutex<Times>,
}

#[derive(Debug, Default)]
struct Times {
    /// Since when it is counted.
    counted_since: Option<Instant>,
    until: Option<Instant>,
}

impl MemoryPressure {
    /// Whether reads leave Redis alone at the moment that `now` tells.
    pub(super) fn backs_off(&self, now: impl FnOnce() -> Instant) -> bool {
        // Nearly always nothing was refused, nothing is locked and no clock is asked.
        self.refusals.load(Ordering::Relaxed) >= MIN_REFUSALS && {
            let until = self.times.lock().until;
            until.is_some_and(|until| now() < until)
        }
    }

    /// Entries that a lookup has found.
    pub(super) fn note_hits(&self, hits: usize) {
        self.hits.fetch_add(hits as u64, Ordering::Relaxed);
    }

    /// Leases and fills that were refused for want of memory.
    pub(super) fn note_refusals(&self, refusals: usize, now: Instant) {
        if refusals == 0 {
            return;
        }
        let mut times = self.times.lock();
        if times.counted_since.is_none_or(|since| now.duration_since(since) >= PAUSE) {
            times.counted_since = Some(now);
            self.hits.store(0, Ordering::Relaxed);
            self.refusals.store(0, Ordering::Relaxed);
        }
        let refusals = self.refusals.fetch_add(refusals as u64, Ordering::Relaxed) + refusals as u64;
        if refusals >= MIN_REFUSALS && self.hits.load(Ordering::Relaxed) < refusals * HITS_A_REFUSAL {
            times.until = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_redis_that_has_nothing_is_left_alone_for_a_moment() {
        let (pressure, start) = (MemoryPressure::default(), Instant::now());

        pressure.note_refusals(31, start);
        assert!(!pressure.backs_off(|| start));
        pressure.note_refusals(1, start);

        assert!(pressure.backs_off(|| start));
        assert!(!pressure.backs_off(|| start + PAUSE));
        assert!(!pressure.backs_off(|| start + PAUSE), "until it refuses again");
        pressure.note_refusals(40, start + PAUSE);
        assert!(pressure.backs_off(|| start + PAUSE));
    }

    #[test]
    fn hits_of_long_ago_do_not_count() {
        let (pressure, start) = (MemoryPressure::default(), Instant::now());

        pressure.note_hits(1_000_000);
        pressure.note_refusals(32, start);

        assert!(pressure.backs_off(|| start));
    }

    #[test]
    fn a_full_redis_that_has_most_is_asked() {
        let (pressure, start) = (MemoryPressure::default(), Instant::now());

        pressure.note_refusals(1, start);
        pressure.note_hits(1_000);
        pressure.note_refusals(100, start);

        assert!(!pressure.backs_off(|| start));
    }
}
