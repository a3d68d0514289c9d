//! How often which answer was given, apart for times with and without a fault.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::time::Micros;

/// Failures after a fault was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Aftermath {
    /// How many.
    pub failures: u64,
    /// How long after the fault the last of them began.
    pub longest_us: Micros,
}

/// Answers by status; 0 is none.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// While no fault was on.
    pub calm: BTreeMap<u16, u64>,
    /// While one was.
    pub faulty: BTreeMap<u16, u64>,
    /// Failures while no fault was on, by the fault that had ended last.
    pub aftermath: BTreeMap<String, Aftermath>,
}

impl Tally {
    /// Counts one.
    pub fn count(&mut self, status: u16, is_faulty: bool) {
        let counts = if is_faulty { &mut self.faulty } else { &mut self.calm };
        *counts.entry(status).or_default() += 1;
    }

    /// Counts a failure that began so long after this fault was over.
    pub fn count_aftermath(&mut self, fault: &str, since: Micros) {
        self.add_aftermath(fault, Aftermath { failures: 1, longest_us: since });
    }

    fn add_aftermath(&mut self, fault: &str, more: Aftermath) {
        let all = self.aftermath.entry(fault.to_owned()).or_default();
        all.failures += more.failures;
        all.longest_us = all.longest_us.max(more.longest_us);
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (status, count) in &other.calm {
            *self.calm.entry(*status).or_default() += count;
        }
        for (status, count) in &other.faulty {
            *self.faulty.entry(*status).or_default() += count;
        }
        for (fault, aftermath) in &other.aftermath {
            self.add_aftermath(fault, *aftermath);
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
        counts.iter().filter(|(status, _)| Self::is_failure(**status)).map(|(_, count)| count).sum()
    }

    /// Whether a status says that the service failed.
    #[must_use]
    pub fn is_failure(status: u16) -> bool {
        status >= 500
    }
}
