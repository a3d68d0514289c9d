//! The algorithm, without a clock or a store: a sliding window counted in 60 sub-windows ("buckets").
//!
//! ```text
//!        now - window                                              now
//!             |<-------------------- window ------------------------>|
//!   |  gone  |  oldest  |          |          |   …    |          | present |
//!            ^          ^
//!            counts in full, since a part of it is inside the window
//! ```
//!
//! Counting the oldest bucket in full errs to one side by at most one bucket. So no window of this length, wherever it
//! is laid, holds more than the quota; and whoever has at most the quota in a window and a sixtieth is admitted. (The
//! usual sliding window counter weighs the oldest bucket by its share, as in "How we built rate limiting capable of
//! scaling to millions of domains", Cloudflare 2017: it assumes even arrivals, and admits too much when they are not.)
//!
//! Clocks are cut to whole microseconds, intervals are half open, a bucket is the sixtieth of the window rounded down. So
//! both hold for the moments themselves too, not only for what the clock showed: a bucket that counts no longer ended at
//! least a window ago, and one that counts began less than a window and a sixtieth ago. `admit.lua` does the same in Redis.

use std::time::Duration;

/// Buckets in a window.
const SUBWINDOWS: u64 = 60;

/// How a window is cut into buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subwindows {
    window_us: u64,
    width_us: u64,
}

impl Subwindows {
    /// Cuts a window of whole seconds, at least one.
    pub(super) fn of(window: Duration) -> Self {
        let window_us = window.as_secs().max(1).saturating_mul(1_000_000);
        Self { window_us, width_us: window_us / SUBWINDOWS }
    }

    /// Length of the window in microseconds.
    pub(super) fn window_us(self) -> u64 {
        self.window_us
    }

    /// Length of a bucket.
    pub(super) fn width(self) -> Duration {
        Duration::from_micros(self.width_us)
    }

    /// The bucket that `now_us` falls into.
    pub(super) fn bucket_at(self, now_us: u64) -> u64 {
        now_us / self.width_us
    }

    /// When a bucket has left the window: it ended a whole window ago.
    fn leaves_at(self, bucket: u64) -> u64 {
        (bucket + 1) * self.width_us + self.window_us
    }
}

/// How one limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Requests counted, the one under decision included when it was admitted.
    pub(super) used: u64,
    /// Until some of them are counted no longer; `None` when none is counted.
    pub(super) frees_in: Option<Duration>,
    /// Until there is room for one request; `None` when there was.
    pub(super) retry_in: Option<Duration>,
}

/// The requests of one client that were admitted lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Oldest first, none empty.
    buckets: Vec<Bucket>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bucket {
    index: u64,
    count: u32,
}

impl Bucket {
    fn leaves_in(&self, now_us: u64, cut: Subwindows) -> Duration {
        Duration::from_micros(cut.leaves_at(self.index) - now_us)
    }
}

impl Tally {
    /// Forgets the buckets that have left the window and says whether there is room for one more request.
    pub(super) fn read(&mut self, now_us: u64, cut: Subwindows, quota: u32) -> Reading {
        self.buckets.retain(|bucket| cut.leaves_at(bucket.index) > now_us);
        let mut reading = self.standing(now_us, cut);

        // Lasts if there is nothing to wait for: a quota of nothing never has room.
        reading.retry_in = (reading.used >= u64::from(quota)).then(|| Duration::from_micros(cut.window_us));
        let mut left = reading.used;
        for bucket in &self.buckets {
            if left < u64::from(quota) {
                break;
            }
            left -= u64::from(bucket.count);
            reading.retry_in = Some(bucket.leaves_in(now_us, cut));
        }
        reading
    }

    /// Counts one request that a [`read`](Self::read) at the same time admitted. `now_us` never goes back.
    pub(super) fn charge(&mut self, now_us: u64, cut: Subwindows) -> Reading {
        let present = cut.bucket_at(now_us);
        match self.buckets.last_mut() {
            Some(newest) if newest.index == present => newest.count += 1,
            _older_or_none => self.buckets.push(Bucket { index: present, count: 1 }),
        }
        self.standing(now_us, cut)
    }

    fn standing(&self, now_us: u64, cut: Subwindows) -> Reading {
        Reading {
            used: self.buckets.iter().map(|bucket| u64::from(bucket.count)).sum(),
            frees_in: self.buckets.first().map(|oldest| oldest.leaves_in(now_us, cut)),
            retry_in: None,
        }
    }

    /// Takes one request out of the bucket it was counted in; nothing when that is gone.
    pub(super) fn refund(&mut self, index: u64) {
        if let Some(bucket) = self.buckets.iter_mut().find(|bucket| bucket.index == index) {
            bucket.count -= 1;
        }
        self.buckets.retain(|bucket| bucket.count > 0);
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
