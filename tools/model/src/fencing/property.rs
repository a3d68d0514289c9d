//! What the protocol promises, and how a promise is broken.
//!
//! Every promise about freshness has one form: *a read that begins now must not answer with a version older than*
//! [`State::floor`](crate::fencing::state::State::floor). They differ in what raises the floor.

use crate::fencing::cell::{Cell, Version};
use crate::fencing::process::{StrayKind, WriterPhase};
use crate::fencing::state::State;
use crate::model::Violation;

/// What raises the floor. From weak to strong, but for `Observed`, which stands beside them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// A write that was answered after its lift was confirmed.
    Confirmed,
    /// A write that was answered, after a lift that failed too.
    Answered,
    /// Those, and a committed write whose process died or gave up: its caller has an error and reads again.
    Ended,
    /// Any committed write, from the instant COMMIT is applied.
    Committed,
    /// What an earlier read has answered: reads never go back in time.
    Observed,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Confirmed, Self::Answered, Self::Ended, Self::Committed, Self::Observed];
}

/// Something that may raise the floor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Milestone {
    /// COMMIT was applied.
    Committed,
    /// The writer of a committed version is gone without an answer.
    Ended,
    /// The write was answered.
    Answered {
        /// After its lift's reply.
        confirmed: bool,
    },
    /// A read was answered.
    Observed,
}

/// Raises the floor to `version` if the promise counts this milestone.
pub fn reach(state: &mut State, promise: Promise, milestone: Milestone, version: Version) {
    let counts = match milestone {
        Milestone::Committed => promise == Promise::Committed,
        Milestone::Ended => promise == Promise::Ended,
        Milestone::Answered { confirmed: true } => {
            matches!(promise, Promise::Confirmed | Promise::Answered | Promise::Ended)
        }
        Milestone::Answered { confirmed: false } => {
            matches!(promise, Promise::Answered | Promise::Ended)
        }
        Milestone::Observed => promise == Promise::Observed,
    };
    if counts {
        state.floor = state.floor.max(version);
    }
}

/// What is wrong with answering `version` to a read that must not get anything older than `floor`.
#[must_use]
pub fn judge_answer(state: &State, version: Version, floor: Version) -> Option<Violation> {
    if version > state.row {
        Some(Violation::Invented)
    } else if version < floor {
        Some(Violation::Stale)
    } else {
        None
    }
}

/// Whether nothing but another write would ever change the cell.
///
/// A fence is never stuck: it has a TTL, which ends once the transactions it guards have ended.
#[must_use]
pub fn is_stuck(state: &State, lease_has_ttl: bool) -> bool {
    let Cell::Lease(token) = state.cell else {
        return false;
    };
    if lease_has_ttl {
        return false;
    }
    let mut tokens = state.readers.iter().map(|reader| reader.token);
    let somebody_fills = tokens.any(|mine| mine.matches(token));
    let mut writers = state.writers.iter();
    let mut strays = state.strays.iter();
    let somebody_deletes =
        writers.any(|writer| writer.phase != WriterPhase::Idle) || strays.any(|stray| stray.kind != StrayKind::None);
    !somebody_fills && !somebody_deletes
}
