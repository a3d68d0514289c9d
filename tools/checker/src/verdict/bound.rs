//! From when on a write must be seen by everybody.

use crate::{
    history::{FaultSpan, OTHER_PROGRAM, Outcome, Write},
    time::{Interval, Micros, SECOND},
};

/// What the service promises where it cannot promise to be exact: writes of other programs, and writes answered while
/// Redis was out of reach of the replica that answered.
pub(super) const LATEST: Micros = SECOND;

/// When a write was answered, and from when on no read may show what was before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// The answer.
    pub(super) answered: Micros,
    /// Reads that start after this must show it.
    pub(super) binding: Micros,
    /// Whether it is one of those that are not promised to be exact.
    pub(super) is_excused: bool,
}

impl Bound {
    /// The same, but not promised to be exact.
    pub(super) fn excused(self) -> Self {
        Self { binding: self.binding.max(self.answered + LATEST), is_excused: true, ..self }
    }
}

/// Decides it for all writes of a history.
pub(super) struct Bounds<'h> {
    faults: &'h [FaultSpan],
    max_staleness: Micros,
}

impl<'h> Bounds<'h> {
    pub(super) fn new(faults: &'h [FaultSpan], max_staleness: Micros) -> Self {
        Self { faults, max_staleness }
    }

    /// `None` for a write that was not answered with success: it binds nobody.
    pub(super) fn of(&self, write: &Write) -> Option<Bound> {
        let answered = write.interval.end;
        let exact = Bound { answered, binding: answered + self.max_staleness, is_excused: false };
        match write.outcome {
            Outcome::Done if self.is_excused(write) => Some(exact.excused()),
            Outcome::Done => Some(exact),
            Outcome::Refused | Outcome::Unknown => None,
        }
    }

    fn is_excused(&self, write: &Write) -> bool {
        let redis_was_away =
            |fault: &FaultSpan| fault.cuts_redis_of.concerns(write.replica) && fault.interval.overlaps(write.interval);
        // Copies that may be old by `max_staleness` may be older while a fault is on. Exact ones may not.
        let after = Interval { start: write.interval.start, end: write.interval.end + LATEST };
        let copies_may_be_older = |fault: &FaultSpan| self.max_staleness > 0 && fault.interval.overlaps(after);
        write.replica == OTHER_PROGRAM
            || self.faults.iter().any(|fault| redis_was_away(fault) || copies_may_be_older(fault))
    }
}
