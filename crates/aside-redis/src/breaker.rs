//! The circuit breaker in front of Redis: open while its replies come too late to be worth waiting for.
//!
//! ```text
//!   closed ──── not one reply in time for a while ────▶ open
//!     ▲                                                  │  readers and the limiter are told so at once
//!     └───── some probes in a row answered in time ◀─────┘  writers go on fencing: other replicas may still read
//! ```
//!
//! It is opened, too, by readers who found that Postgres is faster; then it stays open for a while at least.
//!
//! A Redis that is down, or says nothing at all, is no matter for it: then there is no connection. One late reply is none
//! either, nor are many at once: a burst on a busy machine makes many late, but some before and after them not. Opened
//! wrongly it costs speed and nothing else.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How many replies must have been late before it opens, however long that takes.
const LATE_REPLIES: u32 = 4;

/// How many probes in a row must be answered in time before it closes.
const GOOD_PROBES: u32 = 3;

/// A reply is late after this part of the time-out of commands.
const LATE_PART: u32 = 4;

/// Open or closed.
#[derive(Debug)]
pub(crate) struct Breaker {
    is_open: AtomicBool,
    /// Whether the last reply was late; spares the lock when nothing is.
    is_suspicious: AtomicBool,
    counts: Mutex<Counts>,
    late: Duration,
    /// How long not one reply must have come in time.
    patience: Duration,
}

#[derive(Debug)]
struct Counts {
    /// When the first of the late replies in a row was asked for.
    late_since: Option<Instant>,
    late_replies: u32,
    good_probes: u32,
    /// Probes that take less are in time.
    good: Duration,
    /// Until when their replies do not count.
    held_until: Option<Instant>,
}

/// What became of the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is as it was.
    None,
    /// It is open from now on.
    Opened,
    /// It is closed from now on.
    Closed,
}

impl Breaker {
    /// A closed one, for commands with this time-out.
    pub(crate) fn new(command_timeout: Duration) -> Self {
        let late = command_timeout / LATE_PART;
        let counts = Counts { late_since: None, late_replies: 0, good_probes: 0, good: late, held_until: None };
        Self {
            is_open: AtomicBool::new(false),
            is_suspicious: AtomicBool::new(false),
            counts: Mutex::new(counts),
            late,
            patience: command_timeout * 2,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// A command was answered, or given up, so long after it was sent.
    pub(crate) fn note_reply(&self, after: Duration, now: Instant) -> Change {
        if after < self.late {
            if self.is_suspicious.swap(false, Ordering::Relaxed) {
                let mut counts = self.counts.lock();
                (counts.late_since, counts.late_replies) = (None, 0);
            }
            return Change::None;
        }
        let mut counts = self.counts.lock();
        self.is_suspicious.store(true, Ordering::Relaxed);
        counts.late_replies += 1;
        let since = *counts.late_since.get_or_insert(now.checked_sub(after).unwrap_or(now));
        let is_enough = counts.late_replies >= LATE_REPLIES && now.duration_since(since) >= self.patience;
        if !is_enough || self.is_open.swap(true, Ordering::Relaxed) {
            return Change::None;
        }
        (counts.good_probes, counts.good, counts.held_until) = (0, self.late, None);
        Change::Opened
    }

    /// Opens it, until probes take less than `good`; those of the next time `hold` do not count.
    pub(crate) fn open(&self, good: Duration, hold: Duration, now: Instant) -> Change {
        let mut counts = self.counts.lock();
        if self.is_open.swap(true, Ordering::Relaxed) {
            return Change::None;
        }
        (counts.good_probes, counts.good, counts.held_until) = (0, good.min(self.late), now.checked_add(hold));
        Change::Opened
    }

    /// A probe was answered, so long after it was sent.
    pub(crate) fn note_probe(&self, after: Duration, now: Instant) -> Change {
        let mut counts = self.counts.lock();
        let counts_now = counts.held_until.is_none_or(|until| now >= until);
        counts.good_probes = if counts_now && after < counts.good { counts.good_probes + 1 } else { 0 };
        if counts.good_probes < GOOD_PROBES || !self.is_open.swap(false, Ordering::Relaxed) {
            return Change::None;
        }
        (counts.late_since, counts.late_replies) = (None, 0);
        Change::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: Duration = Duration::from_millis(100);
    const GOOD: Duration = Duration::from_millis(1);

    /// A breaker, and what replies make of it: how long after the start each comes, and after its command.
    fn opened_by(replies: &[(u64, Duration)]) -> Vec<bool> {
        let (breaker, start) = (Breaker::new(Duration::from_millis(250)), Instant::now());
        let reply = |&(at, after): &(u64, Duration)| breaker.note_reply(after, start + Duration::from_millis(at));
        replies.iter().map(|one| reply(one) == Change::Opened).collect()
    }

    #[test]
    fn opens_once_nothing_was_answered_in_time_for_a_while() {
        let opened = opened_by(&[(100, LATE), (200, LATE), (300, LATE), (400, LATE), (500, LATE), (600, LATE)]);

        assert_eq!(opened, [false, false, false, false, true, false]);
    }

    #[test]
    fn a_burst_does_not_open_it_however_many_are_late() {
        let burst: Vec<_> = (0..1_000).map(|reply| (100 + reply / 4, LATE)).collect();

        assert!(!opened_by(&burst).contains(&true));
    }

    #[test]
    fn few_late_replies_do_not_open_it_however_long_they_take() {
        assert!(!opened_by(&[(1_000, LATE), (5_000, LATE), (9_000, LATE)]).contains(&true));
    }

    #[test]
    fn one_reply_in_time_is_enough_to_keep_it_closed() {
        let replies =
            [(100, LATE), (200, LATE), (300, LATE), (400, GOOD), (500, LATE), (600, LATE), (700, LATE), (800, LATE)];

        assert!(!opened_by(&replies).contains(&true));
    }

    #[test]
    fn closes_after_probes_in_time_in_a_row() {
        let (breaker, start) = (Breaker::new(Duration::from_millis(250)), Instant::now());
        for at in 1..=5 {
            breaker.note_reply(LATE, start + LATE * at);
        }
        assert!(breaker.is_open());

        let closed = [GOOD, GOOD, LATE, GOOD, GOOD, GOOD, GOOD].map(|after| breaker.note_probe(after, start));

        assert_eq!(closed.map(|change| change == Change::Closed), [false, false, false, false, false, true, false]);
        assert!(!breaker.is_open());
        assert_eq!(breaker.note_reply(LATE, start + LATE * 9), Change::None, "it begins anew");
    }

    #[test]
    fn once_opened_by_readers_it_closes_after_probes_that_are_fast_enough_for_them() {
        let (breaker, start) = (Breaker::new(Duration::from_millis(250)), Instant::now());
        let hold = Duration::from_secs(1);
        assert_eq!(breaker.open(GOOD * 5, hold, start), Change::Opened);

        let early = [GOOD; 5].map(|after| breaker.note_probe(after, start + hold / 2));
        let slow = [GOOD * 6; 5].map(|after| breaker.note_probe(after, start + hold));
        let good = [GOOD; 3].map(|after| breaker.note_probe(after, start + hold));

        assert_eq!((early, slow), ([Change::None; 5], [Change::None; 5]));
        assert_eq!(good, [Change::None, Change::None, Change::Closed]);
    }
}
