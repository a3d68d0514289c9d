//! The part of a read that the near cache adds: the sequence, and the slot.
//!
//! Each reader has a look at the sequence of its own. One that several share is as if theirs ran at the same instant.

use super::numbers::end_looks_before;
use super::{Steps, reader, redis};
use crate::replicas::event::{Actor, What};
use crate::replicas::process::{Reader, ReaderPhase};
use crate::replicas::replica::{Replica, Slot};
use crate::replicas::rules::{Jump, LookLife, Marker, MissingSequence};
use crate::replicas::state::{MAX_NUMBER, Number, State, Version};

/// The look runs.
pub(super) fn ask_sequence(steps: &mut Steps<'_>, at: usize, index: usize) {
    let mut after = *steps.from;
    let (number, what) = redis::look_at_sequence(&steps.setting.rules, &mut after);
    let reader = &mut after.replicas[at].readers[index];
    (reader.phase, reader.number, reader.lends) = (ReaderPhase::Waiting, number, true);
    steps.lead_to(Actor::Reader(at, index), what, after, None);
}

/// The number is known: it is applied, or it will be jumped to.
pub(super) fn wait(steps: &mut Steps<'_>, at: usize, index: usize) {
    let Replica { applied, readers, .. } = steps.from.replicas[at];
    let number = readers[index].number;
    let actor = Actor::Reader(at, index);
    let rules = steps.setting.rules;
    let jump = |state: &mut State| {
        state.replicas[at].set_slot(rules.marker, Slot::Empty);
        state.replicas[at].applied = Some(number);
    };
    match applied {
        Some(applied) if applied >= number => take_copy(steps, at, index),
        Some(_) if rules.late == Jump::EmptiesNothingElse => {
            steps.take(actor, What::NumberNotAppliedInTime, |state| state.replicas[at].applied = Some(number));
        }
        Some(_) => steps.take(actor, What::NumberNotAppliedInTime, jump),
        None => steps.take(actor, What::FirstNumber, jump),
    }
}

fn take_copy(steps: &mut Steps<'_>, at: usize, index: usize) {
    let Replica { slot, readers, .. } = steps.from.replicas[at];
    let actor = Actor::Reader(at, index);
    let Reader { number, lends, floor, .. } = readers[index];
    // From here on the look is good for others.
    let lend = move |state: &mut State| {
        let look = &mut state.replicas[at].look;
        *look = if lends { (*look).max(Some(number)) } else { *look };
    };
    if !reader::believes(steps, at) {
        steps.take(actor, What::NotBelieved, |state| {
            lend(state);
            state.replicas[at].readers[index] = Reader::IDLE;
        });
    } else if let Slot::Copy(version) = slot {
        reader::answer(steps, at, index, What::CopyTaken, version, |state| {
            lend(state);
            state.replicas[at].readers[index] = Reader::IDLE;
        });
    } else {
        let rules = steps.setting.rules;
        steps.take(actor, What::MarkerPlaced, |state| {
            lend(state);
            state.replicas[at].set_slot(rules.marker, Slot::Marker);
            state.replicas[at].readers[index] =
                Reader { phase: ReaderPhase::Looking, floor, has_marker: true, ..Reader::IDLE };
        });
    }
}

/// The reply to a fill is read.
pub(super) fn keep(steps: &mut Steps<'_>, at: usize, index: usize) {
    let keeps = may_keep(steps, at, index);
    let version = steps.from.replicas[at].readers[index].version;
    let what = if keeps { What::CopyKept } else { What::CopyNotKept };
    steps.take(Actor::Reader(at, index), what, |state| {
        if keeps {
            put_copy(state, at, version);
        }
        state.replicas[at].readers[index] = Reader::IDLE;
    });
}

/// Whether the slot is still as this read left it.
pub(super) fn may_keep(steps: &Steps<'_>, at: usize, index: usize) -> bool {
    let Replica { slot, readers, .. } = steps.from.replicas[at];
    let in_slot = steps.setting.rules.marker == Marker::None || slot == Slot::Marker;
    readers[index].has_marker && in_slot
}

/// A marker that its reader has kept a copy in place of is gone.
pub(super) fn put_copy(state: &mut State, at: usize, version: Version) {
    state.replicas[at].slot = Slot::Copy(version);
}

/// Whoever has announced this has waited for the end of the looks before it, if it waits.
pub(super) fn end_looks(steps: &Steps<'_>, state: &mut State, announced: Option<Number>, is_waited_for: bool) {
    let rules = &steps.setting.rules;
    let Some(number) = announced.filter(|_| is_waited_for) else { return };
    // Where numbers do not tell which looks are older, all end.
    let tells = rules.fence_is_published && rules.missing_sequence != MissingSequence::StartsAtOne;
    let number = if tells { number } else { MAX_NUMBER };
    end_looks_before(state, number, rules.look_life == LookLife::FromIssue);
}
