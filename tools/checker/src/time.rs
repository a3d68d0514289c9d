//! One clock for everything: microseconds since the run began.

use std::time::{Duration, Instant};

/// Microseconds since the run began.
pub type Micros = u64;

/// A second.
pub const SECOND: Micros = 1_000_000;

/// From the moment something was begun to the moment it was known to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Right before it was sent.
    pub start: Micros,
    /// Right after its answer was there, or it was given up.
    pub end: Micros,
}

impl Interval {
    /// Whether the two have a moment in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// The clock of a run. It never goes back, and all its readers see the same.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Now.
    #[must_use]
    pub fn now(self) -> Micros {
        micros(self.0.elapsed())
    }

    /// The instant that this clock calls `at`.
    #[must_use]
    pub fn instant(self, at: Micros) -> Instant {
        self.0 + Duration::from_micros(at)
    }
}

/// A duration in microseconds.
#[must_use]
pub fn micros(duration: Duration) -> Micros {
    duration.as_micros().try_into().unwrap_or(Micros::MAX)
}

/// `12.345678` seconds.
#[must_use]
pub fn seconds(at: Micros) -> String {
    format!("{}.{:06}", at / SECOND, at % SECOND)
}
