//! The algorithm, without a clock or a store: a sliding window counted in 60 slices ("slices").
//!
//! ```text
//!        now - window                                              now
//!             |<-------------------- window ------------------------>|
//!   |  gone  |  oldest  |          |          |   …    |          | present |
//!            ^          ^
//!            counts in full, since a part of it is inside the window
//! ```
//!
//! Counting the oldest slice in full errs to one side by at most one slice. So no window of this length, wherever it
//! is laid, holds more than the quota; and a client that has at most the quota in a window and a sixtieth is admitted. (The
//! usual sliding window counter weighs the oldest slice by its share, as in "How we built rate limiting capable of
//! scaling to millions of domains", Cloudflare 2017: it assumes even arrivals, and admits too much when they are not.)
//!
//! Clocks are cut to whole microseconds, intervals are half open, a slice is the sixtieth of the window rounded down. So
//! both hold for the moments themselves too, not only for what the clock showed: a slice that counts no longer ended at
//! least a window ago, and one that counts began less than a window and a sixtieth ago. `admit.lua` does the same in Redis.

use std::time::Duration;

/// Buckets in a window.
const SUBWINDOWS: u64 = 60;

/// How a window is cut into slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slices {
    window_us: u64,
    width_us: u64,
}

impl Slices {
    /// Cuts a window of whole seconds, at least one.
    pub(super) fn of(window: Duration) -> Self {
        let window_us = window.as_secs().max(1).saturating_mul(1_000_000);
        Self { window_us, width_us: window_us / SUBWINDOWS }
    }

    /// Length of the window in microseconds.
    pub(super) fn window_us(self) -> u64 {
        self.window_us
    }

    /// Length of a slice.
    pub(super) fn width(self) -> Duration {
        Duration::from_micros(self.width_us)
    }

    /// The slice that `now_us` falls into.
    pub(super) fn slice_at(self, now_us: u64) -> u64 {
        now_us / self.width_us
    }

    /// When a slice has left the window: it ended a whole window ago.
    fn leaves_at(self, slice: u64) -> u64 {
        (slice + 1) * self.width_us + self.window_us
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
pub(super) struct Counter {
    /// Oldest first, none empty.
    slices: Vec<Bucket>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bucket {
    index: u64,
    count: u32,
}

impl Bucket {
    fn leaves_in(&self, now_us: u64, slices: Slices) -> Duration {
        Duration::from_micros(slices.leaves_at(self.index) - now_us)
    }
}

impl Counter {
    /// Forgets the slices that have left the window and says whether there is room for one more request.
    pub(super) fn read(&mut self, now_us: u64, slices: Slices, quota: u32) -> Reading {
        self.slices.retain(|slice| slices.leaves_at(slice.index) > now_us);
        let mut reading = self.status(now_us, slices);

        // Lasts if there is nothing to wait for: a quota of nothing never has room.
        reading.retry_in = (reading.used >= u64::from(quota)).then(|| Duration::from_micros(slices.window_us));
        let mut left = reading.used;
        for slice in &self.slices {
            if left < u64::from(quota) {
                break;
            }
            left -= u64::from(slice.count);
            reading.retry_in = Some(slice.leaves_in(now_us, slices));
        }
        reading
    }

    /// Counts one request that a [`read`](Self::read) at the same time admitted. `now_us` never goes back.
    pub(super) fn charge(&mut self, now_us: u64, slices: Slices) -> Reading {
        let present = slices.slice_at(now_us);
        match self.slices.last_mut() {
            Some(newest) if newest.index == present => newest.count += 1,
            _older_or_none => self.slices.push(Bucket { index: present, count: 1 }),
        }
        self.status(now_us, slices)
    }

    fn status(&self, now_us: u64, slices: Slices) -> Reading {
        Reading {
            used: self.slices.iter().map(|slice| u64::from(slice.count)).sum(),
            frees_in: self.slices.first().map(|oldest| oldest.leaves_in(now_us, slices)),
            retry_in: None,
        }
    }

    /// Takes one request out of the slice it was counted in; nothing when that is gone.
    pub(super) fn refund(&mut self, index: u64) {
        if let Some(slice) = self.slices.iter_mut().find(|slice| slice.index == index) {
            slice.count -= 1;
        }
        self.slices.retain(|slice| slice.count > 0);
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
