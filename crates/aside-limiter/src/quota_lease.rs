//! A lease: requests that this process may admit by itself, taken from Redis beforehand.
//!
//! ```text
//!   server's slices   | present |    |    | … | slice |              a window later
//!   taken              ├──────── good for ──────────────┤
//!   counted                              in full, here ▲ …………………………▲ until then: at least as long as any use of it
//!   settled            uses are counted where they were, what is left is counted no longer
//! ```
//!
//! A use is certainly in one slice of the server's, or it is none: by the reading of the server's clock that came with the
//! lease, and near the edge of a slice by what other replies have told since.

use std::time::{Duration, Instant};

use super::{
    charged_key::ChargedKey,
    server_clock::{Bounds, Moment, ServerClock},
    window::{Reading, Slices},
};

/// For how many slices a lease is good, the present one included; as in `admit.lua`.
const LIFE: u32 = 60;
/// One that is in use is renewed when it is so many slices old: what its client is told is left was so then.
const RENEWED_AFTER: u32 = LIFE / 2;
/// Or when no more than this part of it is left.
const RENEWED_AT: u32 = 4;
/// The largest lease is this part of a quota; as in `admit.lua`.
const PART: u32 = 16;
/// Of shorter windows nothing is leased: it would be over before it could be settled.
const MIN_WINDOW_US: u64 = 10_000_000;
/// A lease is not used any more so long before its end: a client who still comes settles it with the next one.
pub(super) const RENEWAL: Duration = Duration::from_secs(1);
/// The next one is at most so many times as large.
const MOST_GROWTH: u32 = 16;

/// What Redis gave in advance to one client of this process.
#[derive(Debug)]
pub(super) struct QuotaLease {
    /// The key that it was charged to, with the `run_id` of its Redis: it is settled there or nowhere.
    key: ChargedKey,
    slices: Slices,
    taken_at: Moment,
    /// The slice that it is counted in.
    slice: u64,
    taken: u32,
    left: u32,
    /// How many were used, by slice, oldest first; slices are counted from the one in which it was taken.
    used: Vec<(u32, u32)>,
    /// What was counted for the client when it was taken, all of it included.
    counted: u64,
    /// When some of what is counted leaves the window.
    frees_at: Option<Instant>,
}

/// A lease that is to be settled, or a request that is to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settlement {
    pub(super) key: ChargedKey,
    pub(super) window_us: u64,
    /// The slice that it is counted in, and how much.
    pub(super) slice: u64,
    pub(super) count: u32,
    /// The slices in which it was used, and how much.
    pub(super) used: Vec<(u64, u32)>,
}

impl Settlement {
    /// Of one request that was counted in this slice and is given back.
    pub(super) fn of_a_refund(key: ChargedKey, slices: Slices, slice: u64) -> Self {
        Self { key, window_us: slices.window_us(), slice, count: 1, used: Vec::new() }
    }
}

impl QuotaLease {
    /// The largest that there is under a limit; 0 for a limit that has none.
    pub(super) fn largest(quota: u32, slices: Slices) -> u32 {
        if slices.window_us() < MIN_WINDOW_US { 0 } else { quota / PART }
    }

    /// `taken` requests beside what is admitted now, if anything is; the reading is of both.
    pub(super) fn new(key: ChargedKey, slices: Slices, taken_at: Moment, taken: u32, reading: Reading) -> Self {
        Self {
            key,
            slices,
            taken_at,
            slice: slices.slice_at(taken_at.server_us) + u64::from(LIFE - 1),
            taken,
            left: taken,
            used: Vec::new(),
            counted: reading.used,
            frees_at: reading.frees_in.map(|wait| taken_at.answered + wait),
        }
    }

    /// Uses one up for a request that arrives now. `None` when it is over, and for a request that may be in either of two
    /// slices.
    pub(super) fn spend(&mut self, now: Instant, clock: &ServerClock) -> Option<Reading> {
        if self.is_over(now, RENEWAL) {
            return None;
        }
        let present = self.since_first(self.present(now, clock)?);
        self.left -= 1;
        match self.used.last_mut() {
            Some((slice, count)) if *slice == present => *count += 1,
            _another_or_none => self.used.push((present, 1)),
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
        self.left == 0 || self.ends_within(now, margin)
    }

    /// Whether its time is over within `margin`.
    pub(super) fn ends_within(&self, now: Instant, margin: Duration) -> bool {
        self.slices.slice_at(self.taken_at.bounds(now + margin).latest_us) > self.slice
    }

    /// Whether it is to be renewed while it is still good, so that no request waits for the next one: it is in use, and either
    /// old or nearly used up.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.taken_at.answered);
        self.left < self.taken && (self.left <= self.taken / RENEWED_AT || age >= self.slices.width() * RENEWED_AFTER)
    }

    /// How much to ask for next, at `now`: what would last its client for a whole life at the pace at which it used this one.
    pub(super) fn next_size(&self, now: Instant) -> u32 {
        let life = self.slices.width() * LIFE;
        let age = now.saturating_duration_since(self.taken_at.answered).max(Duration::from_micros(1));
        let used = u128::from(self.taken - self.left);
        let lasting = u32::try_from((used * life.as_micros()).div_ceil(age.as_micros())).unwrap_or(u32::MAX);
        lasting.clamp((self.taken / 2).max(1), self.taken.saturating_mul(MOST_GROWTH))
    }

    /// What makes it counted as it was used.
    pub(super) fn settle(self) -> Settlement {
        let first = self.first();
        let Self { key, slices, slice, taken, used, .. } = self;
        let used = used.into_iter().map(|(since_first, count)| (first + u64::from(since_first), count)).collect();
        Settlement { key, window_us: slices.window_us(), slice, count: taken, used }
    }

    /// Redis has said, at this time of its clock, that so much is counted for the client. Gives what of it is this lease, and
    /// unused: nothing, when it was said before the lease was taken.
    pub(super) fn refresh(&mut self, counted: u64, server_us: u64) -> u32 {
        if server_us <= self.taken_at.server_us {
            return 0;
        }
        self.counted = counted;
        self.left
    }

    /// The slice in which it was taken.
    fn first(&self) -> u64 {
        self.slice + 1 - u64::from(LIFE)
    }

    fn since_first(&self, slice: u64) -> u32 {
        u32::try_from(slice - self.first()).expect("it is used within its life")
    }

    /// The server's slice that `now` is certainly in.
    fn present(&self, now: Instant, clock: &ServerClock) -> Option<u64> {
        let bounds = self.taken_at.bounds(now);
        self.slice(bounds).or_else(|| self.slice(clock.bounds(&self.key, now)?.and(bounds)?))
    }

    /// The one slice between these bounds.
    fn slice(&self, bounds: Bounds) -> Option<u64> {
        let [earliest, latest] = [bounds.earliest_us, bounds.latest_us].map(|at_us| self.slices.slice_at(at_us));
        (earliest == latest).then_some(latest)
    }
}

#[cfg(test)]
#[path = "quota_lease_tests.rs"]
mod tests;
