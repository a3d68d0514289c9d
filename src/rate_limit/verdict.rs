//! What a store answers, Redis or this process alone: how each limit stands, and when that was.

use super::window::Reading;

/// One decision over all limits of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// When it was taken, by the clock that decided: Redis's, since the Unix epoch, or this process's, since its start.
    pub(super) time_us: u64,
    /// In the order of the limits.
    pub(super) readings: Vec<Reading>,
}

impl Verdict {
    /// Whether every limit had room; then, and only then, all were charged.
    pub(super) fn is_admission(&self) -> bool {
        self.readings.iter().all(|reading| reading.retry_in.is_none())
    }
}
