//! What a judgement comes to: violations with their evidence, and what is only counted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::time::{Micros, SECOND};

/// How many violations of a kind are told with their evidence; the others are counted.
const TOLD: usize = 10;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A read showed what was there before a write that had been answered when the read began.
    Stale,
    /// The same, of the reader's own write.
    ReadYourWrites,
    /// The same, of a version that the reader had seen before.
    MonotonicReads,
    /// An acknowledged write is not in a later version: the same version twice, a text that came back, an `If-Match` that
    /// was passed over.
    LostUpdate,
    /// An acknowledged write is not in Postgres at the end.
    MissingWrite,
    /// Something is not there, though nobody has deleted it.
    Vanished,
    /// A session was accepted after its end had been answered.
    RevokedSession,
    /// A session was refused that nobody had ended.
    RefusedSession,
    /// Somebody else's data, or nobody's, in an answer.
    ForeignData,
    /// A read showed what nobody had begun to write, or what had been refused.
    Invented,
    /// A post that must be on a home page is not.
    HomeMissing,
    /// A post that must not be on a home page is.
    HomeSurplus,
    /// When all is quiet, a replica shows something else than Postgres.
    Disagreement,
}

impl Kind {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale after an acknowledged write",
            Self::ReadYourWrites => "stale after one's own acknowledged write",
            Self::MonotonicReads => "went back behind an acknowledged write that the reader had seen",
            Self::LostUpdate => "lost update",
            Self::MissingWrite => "acknowledged write missing from Postgres",
            Self::Vanished => "not there, though nobody deleted it",
            Self::RevokedSession => "revoked session accepted",
            Self::RefusedSession => "session refused, though nobody ended it",
            Self::ForeignData => "somebody else's data, or nobody's",
            Self::Invented => "shown before anybody began to write it, or although it was refused",
            Self::HomeMissing => "a post that must be on a home page is not",
            Self::HomeSurplus => "a post that must not be on a home page is",
            Self::Disagreement => "all is quiet, and a replica shows something else than Postgres",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Violation {
    /// What.
    pub kind: Kind,
    /// How long after the answer that it contradicts, where that can be said.
    pub late_us: Option<Micros>,
    /// Who wrote what when, who read what when, which faults were on.
    pub evidence: String,
}

/// Counts by how late something was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Buckets {
    /// Up to 1 ms, 5 ms, 20 ms, 100 ms, 1 s, and later.
    pub counts: [u64; 6],
    /// The latest.
    pub worst_us: Micros,
}

impl Buckets {
    /// The upper ends of all buckets but the last.
    pub const UPTO: [Micros; 5] = [1_000, 5_000, 20_000, 100_000, SECOND];

    /// Counts one.
    pub fn add(&mut self, late: Micros) {
        let place = Self::UPTO.iter().position(|&upto| late <= upto).unwrap_or(Self::UPTO.len());
        self.counts[place] += 1;
        self.worst_us = self.worst_us.max(late);
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.worst_us = self.worst_us.max(other.worst_us);
    }
}

/// The judgement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verdict {
    /// With evidence, some of each kind.
    pub violations: Vec<Violation>,
    /// All of them.
    pub counts: BTreeMap<Kind, u64>,
    /// How late the stale reads among them were.
    pub late: Buckets,
    /// Reads that were late, but within what is promised: behind writes of other programs, or writes answered while Redis was
    /// out of reach of their replica, by up to a second; or by up to the staleness that was asked for.
    pub excused: Buckets,
    /// Reads that went back behind a version that the same client had seen, while its write was unanswered: not promised.
    pub went_back_unanswered: u64,
    /// Facts that were judged: a home page is many.
    pub facts: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many of a kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// Adds another round's.
    pub fn merge(&mut self, other: Self) {
        for violation in other.violations {
            self.tell(violation);
        }
        for (kind, count) in other.counts {
            *self.counts.entry(kind).or_default() += count;
        }
        self.late.merge(&other.late);
        self.excused.merge(&other.excused);
        self.went_back_unanswered += other.went_back_unanswered;
        self.facts += other.facts;
    }

    pub(super) fn add(&mut self, kind: Kind, late_us: Option<Micros>, evidence: impl FnOnce() -> String) {
        *self.counts.entry(kind).or_default() += 1;
        if let Some(late) = late_us {
            self.late.add(late);
        }
        if self.has_room(kind) {
            self.violations.push(Violation { kind, late_us, evidence: evidence() });
        }
    }

    fn tell(&mut self, violation: Violation) {
        if self.has_room(violation.kind) {
            self.violations.push(violation);
        }
    }

    fn has_room(&self, kind: Kind) -> bool {
        self.violations.iter().filter(|told| told.kind == kind).count() < TOLD
    }
}
