//! An advance: requests that this process may admit by itself, taken from Redis beforehand.
//!
//! ```text
//!   server's buckets   | present |    |    | … | bucket |              a window later
//!   taken              ├──────── good for ──────────────┤
//!   counted                              in full, here ▲ …………………………▲ until then: at least as long as any use of it
//!   settled            uses are counted where they were, what is left is counted no longer
//! ```
//!
//! A use is certainly in one bucket of the server's, or it is none: between the moment before the command was sent and the one
//! after its reply lies the server's reading of its clock, and two clocks that are being slewed run apart by at most twice
//! 500 ppm (adjtime's bound).

use std::time::{Duration, Instant};

use super::{
    charged_key::ChargedKey,
    window::{Reading, Subwindows},
};

/// For how many buckets an advance is good, the present one included; as in `admit.lua`.
const LIFE: u64 = 20;
/// The largest advance is this part of a quota; as in `admit.lua`.
const PART: u32 = 16;
/// Of shorter windows nothing is advanced: it would be over before it could be settled.
const MIN_WINDOW_US: u64 = 10_000_000;
/// An advance is not used any more so long before its end: a client who still comes settles it with the next one.
pub(super) const RENEWAL: Duration = Duration::from_secs(1);

/// Clocks run apart by at most this part of a time.
const DRIFT_SHARE: u32 = 1_000;

/// What Redis gave in advance to one client of this process.
#[derive(Debug)]
pub(super) struct Advance {
    /// The key that it was charged to, with the `run_id` of its Redis: it is settled there or nowhere.
    key: ChargedKey,
    cut: Subwindows,
    taken_at: Moment,
    /// The bucket that it is counted in.
    bucket: u64,
    taken: u32,
    left: u32,
    /// How many were used, by bucket, oldest first.
    used: Vec<(u64, u32)>,
    /// What was counted for the client when it was taken, all of it included.
    counted: u64,
    /// When some of what is counted leaves the window.
    frees_at: Option<Instant>,
}

/// A reading of the server's clock, and by this process's when it was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) server_us: u64,
    /// Before the command was sent.
    pub(super) asked: Instant,
    /// After its reply.
    pub(super) answered: Instant,
}

/// An advance that is to be settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settlement {
    pub(super) key: ChargedKey,
    pub(super) window_us: u64,
    /// The bucket that it is counted in, and how much.
    pub(super) bucket: u64,
    pub(super) count: u32,
    /// The buckets in which it was used, and how much.
    pub(super) used: Vec<(u64, u32)>,
}

impl Advance {
    /// The largest that there is under a limit; 0 for a limit that has none.
    pub(super) fn largest(quota: u32, cut: Subwindows) -> u32 {
        if cut.window_us() < MIN_WINDOW_US { 0 } else { quota / PART }
    }

    /// `taken` requests beside the one that is admitted now, whose reading this is.
    pub(super) fn new(key: ChargedKey, cut: Subwindows, taken_at: Moment, taken: u32, reading: Reading) -> Self {
        Self {
            key,
            cut,
            taken_at,
            bucket: cut.bucket_at(taken_at.server_us) + LIFE - 1,
            taken,
            left: taken,
            used: Vec::new(),
            counted: reading.used,
            frees_at: reading.frees_in.map(|wait| taken_at.answered + wait),
        }
    }

    /// Uses one up for a request that arrives now. `None` when it is over, and for a request that may be in either of two
    /// buckets.
    pub(super) fn spend(&mut self, now: Instant) -> Option<Reading> {
        let (earliest, latest) = self.bounds(now);
        if self.is_over(now, RENEWAL) || earliest != latest {
            return None;
        }
        self.left -= 1;
        match self.used.last_mut() {
            Some((bucket, count)) if *bucket == latest => *count += 1,
            _another_or_none => self.used.push((latest, 1)),
        }
        Some(Reading {
            // Less than is left, when Redis has lost its counts.
            used: self.counted.saturating_sub(self.left.into()),
            frees_in: self.frees_at.map(|at| at.saturating_duration_since(now)),
            retry_in: None,
        })
    }

    /// Whether nothing is left of it, or its time is over within `margin`.
    pub(super) fn is_over(&self, now: Instant, margin: Duration) -> bool {
        self.left == 0 || self.bounds(now + margin).1 > self.bucket
    }

    /// How much to ask for the next time: more when this was used up, less when most of it was not used.
    pub(super) fn next_size(&self) -> u32 {
        match self.left {
            0 => self.taken.saturating_mul(4),
            left if left > self.taken / 2 => (self.taken / 2).max(1),
            _most_was_used => self.taken,
        }
    }

    /// What makes it counted as it was used.
    pub(super) fn settle(self) -> Settlement {
        let Self { key, cut, bucket, taken, used, .. } = self;
        Settlement { key, window_us: cut.window_us(), bucket, count: taken, used }
    }

    /// Redis has said, at this time of its clock, that so much is counted for the client. Gives what of it is this advance, and
    /// unused: nothing, when it was said before the advance was taken.
    pub(super) fn refresh(&mut self, counted: u64, server_us: u64) -> u32 {
        if server_us <= self.taken_at.server_us {
            return 0;
        }
        self.counted = counted;
        self.left
    }

    /// The earliest and the latest of the server's buckets that `now` can be in.
    fn bounds(&self, now: Instant) -> (u64, u64) {
        let Moment { server_us, asked, answered } = self.taken_at;
        let (shortest, longest) = (now.saturating_duration_since(answered), now.saturating_duration_since(asked));
        let drift = longest / DRIFT_SHARE;
        let earliest = server_us + micros(shortest.saturating_sub(drift));
        // Both clocks are cut to microseconds.
        let latest = server_us + micros(longest + drift) + 1;
        (self.cut.bucket_at(earliest), self.cut.bucket_at(latest))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
#[path = "advance_tests.rs"]
mod tests;
