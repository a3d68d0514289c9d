//! Whether Redis answers readers faster than Postgres would.
//!
//! A reply that exceeds the command time-out opens the circuit breaker by itself. A reply after 50 ms does
//! not, and yet each read waits for two of them, where Postgres takes one or two milliseconds. So the duration of replies is
//! compared with the duration of loads.
//!
//! | guard | against |
//! |---|---|
//! | half of the replies of a window, three windows in a row | bursts on a busy machine |
//! | a floor, and a multiple of the duration of recent loads | a Redis that is far away and spares Postgres work |
//! | the reads of the window would find permits at Postgres | a process, or a Redis, that is at its limit: Postgres would be, too |
//! | probes decide the return; it stays open longer when it opens again soon | flapping |

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use aside_redis::RedisClient;
use parking_lot::Mutex;

/// A reply within this is never slow.
const FLOOR: Duration = Duration::from_millis(10);
/// Redis is slow when half of its replies take so many times as long as half of the loads.
const MANY: u32 = 4;
/// How long replies are counted before they are judged, and how many there must be.
const WINDOW: Duration = Duration::from_secs(1);
const LEAST_REPLIES: u32 = 8;
/// A window that took longer says nothing.
const LONGEST_WINDOW: Duration = Duration::from_secs(5);
/// Slow windows in a row.
const SLOW_WINDOWS: u32 = 3;
/// Loads that are remembered, for how long, and how many there must be.
const LOADS: usize = 64;
const LOADS_LIFE: Duration = Duration::from_secs(10);
const LEAST_LOADS: usize = 4;
/// How long Redis is left alone at least; twice as long each time it is found slow again within the last of these.
const HOLD: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// The comparison of one process.
#[derive(Debug)]
pub(crate) struct SpeedWatch {
    redis: RedisClient,
    speeds: Mutex<Speeds>,
}

impl SpeedWatch {
    /// Nothing is known yet; so many loads may be at Postgres at once.
    pub(super) fn new(redis: RedisClient, permits: usize) -> Self {
        Self { redis, speeds: Mutex::new(Speeds::new(permits)) }
    }

    /// A reader waited so long for a reply. One of many readers at the same moment is enough.
    pub(crate) fn note_reply(&self, took: Duration) {
        let Some(mut speeds) = self.speeds.try_lock() else { return };
        if let Some(Slow { good, hold }) = speeds.note_reply(took, Instant::now()) {
            self.redis.leave_as_slow(good, hold);
        }
    }

    /// A load took so long.
    pub(crate) fn note_load(&self, took: Duration) {
        self.speeds.lock().note_load(took, Instant::now());
    }
}

/// Redis is slower than Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slow {
    /// What probes must take less than.
    good: Duration,
    /// For how long their replies do not count.
    hold: Duration,
}

#[derive(Debug)]
struct Speeds {
    permits: u32,
    loads: VecDeque<(Instant, Duration)>,
    window: Option<Window>,
    slow_windows: u32,
    /// When Redis was found slow last, and for how long it was left alone at least.
    found: Option<(Instant, Duration)>,
}

/// Replies since `began`.
#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    /// What half of the loads took.
    load: Duration,
    replies: u32,
    slow_replies: u32,
}

impl Window {
    fn slow(&self) -> Duration {
        FLOOR.max(self.load * MANY)
    }

    fn is_slow(&self, length: Duration, permits: u32) -> bool {
        let is_half = self.slow_replies * 2 > self.replies;
        is_half && self.load * self.replies <= length * permits
    }
}

impl Speeds {
    fn new(permits: usize) -> Self {
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        Self { permits, loads: VecDeque::with_capacity(LOADS), window: None, slow_windows: 0, found: None }
    }

    fn note_load(&mut self, took: Duration, now: Instant) {
        if self.loads.len() == LOADS {
            self.loads.pop_front();
        }
        self.loads.push_back((now, took));
    }

    /// What half of the loads took lately, if there were enough.
    fn typical_load(&self, now: Instant) -> Option<Duration> {
        let lately = self.loads.iter().filter(|(at, _)| now.saturating_duration_since(*at) < LOADS_LIFE);
        let mut took: Vec<Duration> = lately.map(|(_, took)| *took).collect();
        took.sort_unstable();
        (took.len() >= LEAST_LOADS).then(|| took[took.len() / 2])
    }

    fn note_reply(&mut self, took: Duration, now: Instant) -> Option<Slow> {
        let length = |window: &Window| now.saturating_duration_since(window.began);
        if self.window.is_some_and(|window| length(&window) >= LONGEST_WINDOW) {
            (self.window, self.slow_windows) = (None, 0);
        }
        let mut window = match self.window {
            Some(window) => window,
            None => Window { began: now, load: self.typical_load(now)?, replies: 0, slow_replies: 0 },
        };
        window.replies += 1;
        window.slow_replies += u32::from(took >= window.slow());
        if length(&window) < WINDOW || window.replies < LEAST_REPLIES {
            self.window = Some(window);
            return None;
        }
        self.window = None;
        self.slow_windows = if window.is_slow(length(&window), self.permits) { self.slow_windows + 1 } else { 0 };
        (self.slow_windows == SLOW_WINDOWS).then(|| self.found_slow(&window, now))
    }

    fn found_slow(&mut self, window: &Window, now: Instant) -> Slow {
        self.slow_windows = 0;
        let hold = match self.found {
            Some((at, hold)) if now.saturating_duration_since(at) < HOLD.1 + hold => (hold * 2).min(HOLD.1),
            _long_ago_or_never => HOLD.0,
        };
        self.found = Some((now, hold));
        Slow { good: window.slow() / 2, hold }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// The seconds at which Redis was found slow, with a reply every so many milliseconds and a load every 100 ms.
    fn found_slow(seconds: u64, every: u64, reply: impl Fn(u64) -> Duration, load: Duration) -> Vec<(u64, Slow)> {
        let (mut speeds, start) = (Speeds::new(8), Instant::now());
        let mut found = Vec::new();
        for at in 0..seconds * 1_000 {
            let now = start + Duration::from_millis(at);
            if at % 100 == 0 {
                speeds.note_load(load, now);
            }
            if at % every == 0 {
                found.extend(speeds.note_reply(reply(at), now).map(|slow| (at / 1_000, slow)));
            }
        }
        found
    }

    #[test]
    fn a_redis_that_takes_much_longer_than_postgres_is_found_slow_within_seconds() {
        let found = found_slow(5, 10, |_| MS * 50, MS * 2);

        assert_eq!(found, [(3, Slow { good: MS * 5, hold: Duration::from_secs(1) })]);
    }

    #[test]
    fn one_that_takes_as_long_as_postgres_or_less_than_the_floor_is_not() {
        assert_eq!(found_slow(60, 10, |_| MS * 50, MS * 13), []);
        assert_eq!(found_slow(60, 10, |_| MS * 9, MS / 10), []);
    }

    #[test]
    fn bursts_do_not_count_however_slow_they_are() {
        let half = |at: u64| if at % 100 < 40 { MS * 900 } else { MS };
        let one_second = |at: u64| if at % 5_000 < 1_500 { MS * 900 } else { MS };

        assert_eq!(found_slow(60, 10, half, MS), []);
        assert_eq!(found_slow(60, 10, one_second, MS), []);
    }

    #[test]
    fn a_busy_process_goes_on_with_redis_since_postgres_has_no_room_for_its_reads() {
        // A thousand reads a second of 10 ms each want ten permits, and there are eight.
        assert_eq!(found_slow(60, 1, |_| MS * 100, MS * 10), []);
    }

    #[test]
    fn few_replies_or_few_loads_say_nothing() {
        assert_eq!(found_slow(60, 900, |_| MS * 50, MS), []);

        let mut speeds = Speeds::new(8);
        let start = Instant::now();
        let found = (0..600).filter_map(|at| speeds.note_reply(MS * 50, start + MS * 10 * at)).count();
        assert_eq!(found, 0, "no loads");
    }

    #[test]
    fn one_that_is_found_slow_again_and_again_is_left_alone_for_longer_and_longer() {
        let found = found_slow(20, 10, |_| MS * 50, MS * 2);

        let holds: Vec<u64> = found.iter().map(|(_, slow)| slow.hold.as_secs()).collect();
        assert_eq!(holds, [1, 2, 4, 8, 16, 32]);
    }
}
