//! Writes that Redis did not hear of, told once for each outage and not once for each write.

use std::sync::atomic::{AtomicU64, Ordering};

/// Failures since Redis was trusted last.
#[derive(Debug, Default)]
pub(super) struct Outage {
    failures: AtomicU64,
}

impl Outage {
    /// One more; whether it is the first of this outage.
    pub(super) fn note_failure(&self) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// It is over; how many there were.
    pub(super) fn end(&self) -> u64 {
        self.failures.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_of_each_outage_is_news_and_all_are_counted() {
        let outage = Outage::default();

        let news = [outage.note_failure(), outage.note_failure(), outage.note_failure()];
        let failures = [outage.end(), outage.end()];

        assert_eq!((news, failures, outage.note_failure()), ([true, false, false], [3, 0], true));
    }
}
