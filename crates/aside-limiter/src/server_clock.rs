//! What this process knows of Redis's clock: between which two times it stands now.
//!
//! Each reply of Redis's says what its clock showed at some moment between the question and the reply. A reading grows stale by
//! the drift of two clocks that are being slewed, at most twice 500 ppm (adjtime's bound); the next ones narrow it again
//! (intersection of intervals, as in Marzullo, "Maintaining the Time in a Distributed System", 1983).

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::charged_key::ChargedKey;

/// Two clocks that are being slewed run apart by at most this part of a time: twice 500 ppm (adjtime's bound).
pub(super) const DRIFT_SHARE: u32 = 1_000;

/// A reading of the server's clock, and this process's own clock before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) server_us: u64,
    /// Before the command was sent.
    pub(super) asked: Instant,
    /// After its reply.
    pub(super) answered: Instant,
}

impl Moment {
    /// The earliest and the latest that the server's clock can show at `now`, which is not before `answered`.
    pub(super) fn bounds(&self, now: Instant) -> Bounds {
        let (shortest, longest) =
            (now.saturating_duration_since(self.answered), now.saturating_duration_since(self.asked));
        let drift = longest / DRIFT_SHARE;
        Bounds {
            earliest_us: self.server_us + micros(shortest.saturating_sub(drift)),
            // Both clocks are cut to microseconds.
            latest_us: self.server_us + micros(longest + drift) + 1,
        }
    }
}

/// Between which two times of its own, both possible, the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) earliest_us: u64,
    pub(super) latest_us: u64,
}

impl Bounds {
    /// What both allow; `None` when they contradict each other.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        let earliest_us = self.earliest_us.max(other.earliest_us);
        let latest_us = self.latest_us.min(other.latest_us);
        (earliest_us <= latest_us).then_some(Self { earliest_us, latest_us })
    }

    fn later(self, by: Duration) -> Self {
        let drift = by / DRIFT_SHARE;
        Self {
            earliest_us: self.earliest_us + micros(by.saturating_sub(drift)),
            latest_us: self.latest_us + micros(by + drift) + 1,
        }
    }
}

/// The clock of the Redis process that was asked last.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    /// Of which process: each has a clock of its own.
    namespace: String,
    at: Instant,
    bounds: Bounds,
}

impl ServerClock {
    /// One more reading, of the Redis process of this namespace.
    pub(super) fn note(&self, namespace: &str, moment: &Moment) {
        let read = moment.bounds(moment.answered);
        let mut known = self.known.lock();
        match &mut *known {
            Some(known) if known.namespace == namespace => {
                // Replies are told of in another order than they came: the older one is moved on.
                let at = known.at.max(moment.answered);
                let (before, read) = (known.bounds_at(at), read.later(at - moment.answered));
                // When they contradict each other, the clock was set in between.
                let newest = if known.at > moment.answered { before } else { read };
                (known.at, known.bounds) = (at, before.and(read).unwrap_or(newest));
            }
            _another_or_none => {
                *known = Some(Known { namespace: namespace.to_owned(), at: moment.answered, bounds: read });
            }
        }
    }

    /// Where the clock of the process that charged this key stands at `now`; `None` when it is not the one asked last.
    pub(super) fn bounds(&self, key: &ChargedKey, now: Instant) -> Option<Bounds> {
        let known = self.known.lock();
        let known = known.as_ref().filter(|known| key.is_in(&known.namespace) && known.at <= now)?;
        Some(known.bounds_at(now))
    }
}

impl Known {
    fn bounds_at(&self, now: Instant) -> Bounds {
        self.bounds.later(now.saturating_duration_since(self.at))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const REDIS: &str = "aside:0123abcd:";

    fn key() -> ChargedKey {
        ChargedKey::new(format!("{REDIS}limit:signed-in:60:ada"))
    }

    /// The width of what is known `later` than the first question, after these readings: asked at, answered at (both in ms), shown (us).
    fn bounds(readings: &[(u32, u32, u64)], later: u32) -> Option<Bounds> {
        let (clock, start) = (ServerClock::default(), Instant::now());
        for &(asked, answered, server_us) in readings {
            clock.note(REDIS, &Moment { server_us, asked: start + asked * MS, answered: start + answered * MS });
        }
        clock.bounds(&key(), start + later * MS)
    }

    #[test]
    fn the_next_reading_narrows_what_the_last_one_left_open() {
        let once = bounds(&[(0, 10, 1_000_000)], 30).expect("it is known");
        let twice = bounds(&[(0, 10, 1_000_000), (20, 21, 1_015_000)], 30).expect("it is known");

        assert_eq!((once.earliest_us, once.latest_us), (1_019_980, 1_030_032));
        // By the first one at most 1,020,030 at the second answer; by the second one at least 1,015,000.
        assert!(twice.earliest_us >= 1_023_980 && twice.latest_us <= 1_025_100, "{twice:?}");
        assert_eq!(once.and(twice), Some(twice));
    }

    #[test]
    fn readings_may_be_told_of_in_any_order() {
        let readings = [(0, 10, 1_000_000), (20, 21, 1_015_000)];
        let (one, other) = (bounds(&readings, 30), bounds(&[readings[1], readings[0]], 30));

        let (one, other) = (one.expect("it is known"), other.expect("it is known"));
        assert!(one.earliest_us.abs_diff(other.earliest_us) <= 2 && one.latest_us.abs_diff(other.latest_us) <= 2);
    }

    #[test]
    fn a_clock_that_was_set_is_believed_again_from_its_newest_reading_on() {
        let set_back = bounds(&[(0, 1, 9_000_000), (10, 11, 1_000_000)], 11).expect("it is known");

        assert_eq!((set_back.earliest_us, set_back.latest_us), (1_000_000, 1_001_004));
    }

    #[test]
    fn another_process_has_another_clock() {
        let (clock, now) = (ServerClock::default(), Instant::now());
        clock.note(REDIS, &Moment { server_us: 1, asked: now, answered: now });
        assert!(clock.bounds(&key(), now).is_some());

        clock.note("aside:4567ef01:", &Moment { server_us: 1, asked: now, answered: now });

        assert_eq!(clock.bounds(&key(), now), None);
    }
}
