//! How often which answer was given, apart for times with and without a fault.

use std::collections::BTreeMap;

use serde::Serialize;

/// Answers by status; 0 is none.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// While no fault was on.
    pub calm: BTreeMap<u16, u64>,
    /// While one was.
    pub faulty: BTreeMap<u16, u64>,
}

impl Tally {
    /// Counts one.
    pub fn count(&mut self, status: u16, is_faulty: bool) {
        let counts = if is_faulty { &mut self.faulty } else { &mut self.calm };
        *counts.entry(status).or_default() += 1;
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (status, count) in &other.calm {
            *self.calm.entry(*status).or_default() += count;
        }
        for (status, count) in &other.faulty {
            *self.faulty.entry(*status).or_default() += count;
        }
    }

    /// All of them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calm.values().chain(self.faulty.values()).sum()
    }

    /// Answers that say that the service failed.
    #[must_use]
    pub fn failures(counts: &BTreeMap<u16, u64>) -> u64 {
        counts.iter().filter(|(status, _)| **status >= 500).map(|(_, count)| count).sum()
    }
}
