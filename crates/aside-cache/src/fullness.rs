//! Whether Redis is too full to be of use: it refuses what is to be stored, and has little of what is asked for.
//!
//! A full Redis that evicts nothing goes on answering looks and taking fences. As long as most of what is asked for is in it,
//! it is worth asking. Otherwise each read pays for looks and refusals and then comes to Postgres all the same; so for a
//! while it comes at once.

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
pub(super) struct Fullness {
    hits: AtomicU64,
    refusals: AtomicU64,
    times: Mutex<Times>,
}

#[derive(Debug, Default)]
struct Times {
    /// Since when it is counted.
    counted_since: Option<Instant>,
    spared_until: Option<Instant>,
}

impl Fullness {
    /// Whether Redis is left alone at the moment that `now` tells.
    pub(super) fn is_to_be_spared(&self, now: impl FnOnce() -> Instant) -> bool {
        // Nearly always nothing was refused, nothing is locked and no clock is asked.
        self.refusals.load(Ordering::Relaxed) >= MIN_REFUSALS && {
            let spared_until = self.times.lock().spared_until;
            spared_until.is_some_and(|until| now() < until)
        }
    }

    /// So many cells were there.
    pub(super) fn note_hits(&self, hits: usize) {
        self.hits.fetch_add(hits as u64, Ordering::Relaxed);
    }

    /// So many cells were refused for want of memory.
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
            times.spared_until = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_redis_that_has_nothing_is_left_alone_for_a_moment() {
        let (fullness, start) = (Fullness::default(), Instant::now());

        fullness.note_refusals(31, start);
        assert!(!fullness.is_to_be_spared(|| start));
        fullness.note_refusals(1, start);

        assert!(fullness.is_to_be_spared(|| start));
        assert!(!fullness.is_to_be_spared(|| start + PAUSE));
        assert!(!fullness.is_to_be_spared(|| start + PAUSE), "until it refuses again");
        fullness.note_refusals(40, start + PAUSE);
        assert!(fullness.is_to_be_spared(|| start + PAUSE));
    }

    #[test]
    fn hits_of_long_ago_do_not_count() {
        let (fullness, start) = (Fullness::default(), Instant::now());

        fullness.note_hits(1_000_000);
        fullness.note_refusals(32, start);

        assert!(fullness.is_to_be_spared(|| start));
    }

    #[test]
    fn a_full_redis_that_has_most_is_asked() {
        let (fullness, start) = (Fullness::default(), Instant::now());

        fullness.note_refusals(1, start);
        fullness.note_hits(1_000);
        fullness.note_refusals(100, start);

        assert!(!fullness.is_to_be_spared(|| start));
    }
}
