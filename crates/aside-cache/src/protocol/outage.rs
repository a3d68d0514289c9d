//! Failed fences and releases: logged once for each outage, not once for each write.

use std::sync::atomic::{AtomicU64, Ordering};

/// Failures since Redis was trusted last.
#[derive(Debug, Default)]
pub(super) struct Outage {
    failures: AtomicU64,
}

impl Outage {
    /// One more failure. Gives whether it is the first of this outage.
    pub(super) fn note_failure(&self) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// The outage is over. Gives how many failures it had.
    pub(super) fn end(&self) -> u64 {
        self.failures.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_failure_of_an_outage_is_reported_and_all_are_counted() {
        let outage = Outage::default();

        let is_first = [outage.note_failure(), outage.note_failure(), outage.note_failure()];
        let failures = [outage.end(), outage.end()];

        assert_eq!((is_first, failures, outage.note_failure()), ([true, false, false], [3, 0], true));
    }
}
