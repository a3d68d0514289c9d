//! What a store answers, Redis or this process alone: how each limit stands, and when that was.

use super::window::Reading;

/// One decision over all limits of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// When it was taken, by the clock that decided: Redis's, since the Unix epoch, or this process's, since its start.
    pub(super) time_us: u64,
    /// In the order of the limits.
    pub(super) readings: Vec<Reading>,
    /// How much was leased beside, under the first limit.
    pub(super) leased: u32,
    /// It is a refusal for want of what replicas have in advance, who were asked to settle it.
    pub(super) is_revoking: bool,
}

impl Verdict {
    /// A decision that no other process has a part in.
    pub(super) fn of_this_process(time_us: u64, readings: Vec<Reading>) -> Self {
        Self { time_us, readings, leased: 0, is_revoking: false }
    }

    /// Whether every limit had room; then, and only then, all were charged.
    pub(super) fn is_admission(&self) -> bool {
        self.readings.iter().all(|reading| reading.retry_in.is_none())
    }
}
