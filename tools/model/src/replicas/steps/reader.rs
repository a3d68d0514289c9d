//! A read, through the near cache or straight from Redis.
//!
//! ```text
//! Idle ─── by a good look ─▶┐
//! Idle ─▶ AskingSequence ─▶ Waiting ─┬─ copy ───▶ answers
//!                                    └─ none ───▶ Looking ─┬─ value ────────▶ Found ───▶ answers, keeps
//! Idle ────────────────────────────────────────▶ Looking   ├─ absent ───────▶ Granted ─▶ answers ▶ Filling ▶ Storing, keeps
//!                                                          └─ lease, fence ─▶ answers
//! ```
//!
//! A read of the row answers with what is committed at that instant, and no floor is above that: it can break nothing,
//! and where nothing of it is kept it is no step of its own. Neither is a read that finds the gate closed.

use super::{Steps, near};
use crate::model::Violation;
use crate::replicas::bounds::Reads;
use crate::replicas::event::{Actor, What};
use crate::replicas::process::{Reader, ReaderPhase};
use crate::replicas::property::Milestone;
use crate::replicas::replica::{Gate, Link, Replica};
use crate::replicas::rules::{GateAsked, Keep, Look};
use crate::replicas::state::{Cell, State, Version};

/// The steps of reader `index` in replica `at`.
pub(super) fn steps(steps: &mut Steps<'_>, at: usize, index: usize) {
    let replica = &steps.from.replicas[at];
    let is_up = replica.link == Link::Up;
    match replica.readers[index].phase {
        ReaderPhase::Idle => arrive(steps, at, index),
        ReaderPhase::Boarding => issue(steps, at, index),
        ReaderPhase::AskingSequence if is_up && replica.listens => near::ask_sequence(steps, at, index),
        ReaderPhase::Waiting => near::wait(steps, at, index),
        ReaderPhase::Looking if is_up => look(steps, at, index),
        ReaderPhase::Found => answer_with_value(steps, at, index),
        ReaderPhase::Granted => load_and_fill(steps, at, index),
        ReaderPhase::Loading => load(steps, at, index),
        ReaderPhase::Filling => fill(steps, at, index),
        ReaderPhase::Storing => near::keep(steps, at, index),
        ReaderPhase::AskingSequence | ReaderPhase::Looking => {}
    }
}

fn arrive(steps: &mut Steps<'_>, at: usize, index: usize) {
    let all = steps.from.replicas.iter().flat_map(|replica| &replica.readers);
    let busy = all.filter(|reader| reader.phase != ReaderPhase::Idle).count();
    let gate_asked = steps.setting.rules.gate_asked;
    let refused = gate_asked != GateAsked::AtReply && steps.from.replicas[at].gate != Gate::Open;
    let Replica { link, look, .. } = steps.from.replicas[at];
    // Until a break is noticed, reads go on by a look that is still good.
    let may_begin = link == Link::Up || link == Link::Broken && look.is_some();
    if busy == steps.setting.bounds.readers || !may_begin || refused {
        return;
    }
    if gate_asked == GateAsked::AtTheBeginning {
        steps.take(Actor::Reader(at, index), What::FlightBegins, |state| {
            state.replicas[at].readers[index].phase = ReaderPhase::Boarding;
        });
    } else {
        issue(steps, at, index);
    }
}

/// Whoever joins joins before this.
fn issue(steps: &mut Steps<'_>, at: usize, index: usize) {
    let Replica { floor, link, listens, readers, look, .. } = steps.from.replicas[at];
    let (actor, reads, rule) = (Actor::Reader(at, index), steps.setting.bounds.reads, steps.setting.rules.look);
    let mut begin = |what, phase, number| {
        steps.take(actor, what, |state| {
            state.replicas[at].readers[index] = Reader { phase, floor, number, ..Reader::IDLE };
        });
    };
    if look.is_some() && listens && reads != Reads::Redis && rule == Look::IssuedAfterArrival {
        // Its number is applied: there is none to wait for.
        begin(What::LookReused, ReaderPhase::Waiting, 0);
    }
    if link != Link::Up {
        return;
    }
    if reads != Reads::Near {
        begin(What::LookIssued, ReaderPhase::Looking, 0);
    }
    if reads == Reads::Redis || !listens {
        return;
    }
    match rule {
        Look::IssuedAfterArrival => begin(What::SequenceAsked, ReaderPhase::AskingSequence, 0),
        Look::None => begin(What::SlotAsked, ReaderPhase::Waiting, 0),
        Look::InTheAir => {
            begin(What::SequenceAsked, ReaderPhase::AskingSequence, 0);
            for other in readers.iter().filter(|other| other.phase == ReaderPhase::Waiting) {
                begin(What::SequenceJoined, ReaderPhase::Waiting, other.number);
            }
        }
    }
}

/// Whether what came from Redis or the slot is believed now.
pub(super) fn believes(steps: &Steps<'_>, at: usize) -> bool {
    let asks = matches!(steps.setting.rules.gate_asked, GateAsked::AtIssueAndReply | GateAsked::AtReply);
    !asks || steps.from.replicas[at].gate == Gate::Open
}

fn look(steps: &mut Steps<'_>, at: usize, index: usize) {
    let Reader { has_marker, floor, .. } = steps.from.replicas[at].readers[index];
    let keeps_loaded = has_marker && steps.setting.rules.keep == Keep::WhateverWasLoaded;
    let loading =
        if keeps_loaded { Reader { phase: ReaderPhase::Loading, has_marker, ..Reader::IDLE } } else { Reader::IDLE };
    let (what, then) = match steps.from.cell {
        Cell::Value(version) => {
            (What::LookFindsValue, Reader { phase: ReaderPhase::Found, version, floor, has_marker, ..Reader::IDLE })
        }
        Cell::Absent => {
            (What::LeaseTaken, Reader { phase: ReaderPhase::Granted, has_lease: true, has_marker, ..Reader::IDLE })
        }
        Cell::Lease => (What::LookFindsLease, loading),
        Cell::Fence { .. } => (What::LookFindsFence, loading),
    };
    steps.take(Actor::Reader(at, index), what, |state| {
        if what == What::LeaseTaken {
            state.set_cell(Cell::Lease);
        }
        state.replicas[at].readers[index] = then;
    });
}

fn answer_with_value(steps: &mut Steps<'_>, at: usize, index: usize) {
    let Reader { version, .. } = steps.from.replicas[at].readers[index];
    if !believes(steps, at) {
        steps.take(Actor::Reader(at, index), What::NotBelieved, |state| {
            state.replicas[at].readers[index] = Reader::IDLE;
        });
        return;
    }
    let keeps = near::may_keep(steps, at, index);
    let what = if keeps { What::AnswersAndKeeps } else { What::AnswersWithValue };
    answer(steps, at, index, what, version, |state| {
        if keeps {
            near::put_copy(state, at, version);
        }
        state.replicas[at].readers[index] = Reader::IDLE;
    });
}

/// The gate is asked when the reply to `SET NX` is read; the statement is issued after it.
fn load_and_fill(steps: &mut Steps<'_>, at: usize, index: usize) {
    let version = steps.from.row;
    if !believes(steps, at) {
        steps.take(Actor::Reader(at, index), What::NotBelieved, |state| {
            state.replicas[at].readers[index] = Reader::IDLE;
        });
        return;
    }
    answer(steps, at, index, What::AnswersAndFills, version, |state| {
        let reader = &mut state.replicas[at].readers[index];
        (reader.phase, reader.version) = (ReaderPhase::Filling, version);
    });
}

fn load(steps: &mut Steps<'_>, at: usize, index: usize) {
    let version = steps.from.row;
    answer(steps, at, index, What::AnswersFromRow, version, |state| {
        let reader = &mut state.replicas[at].readers[index];
        (reader.phase, reader.version) = (ReaderPhase::Storing, version);
    });
}

/// Runs whatever has become of the reader's connection: a command may be as late as it likes.
fn fill(steps: &mut Steps<'_>, at: usize, index: usize) {
    let Reader { version, has_lease, has_marker, .. } = steps.from.replicas[at].readers[index];
    let what = if has_lease { What::FillStored } else { What::FillRejected };
    let keeps = has_marker && (has_lease || steps.setting.rules.keep == Keep::WhateverWasLoaded);
    steps.take(Actor::Reader(at, index), what, |state| {
        if has_lease {
            state.set_cell(Cell::Value(version));
        }
        state.replicas[at].readers[index] = if keeps {
            Reader { phase: ReaderPhase::Storing, version, has_marker, ..Reader::IDLE }
        } else {
            Reader::IDLE
        };
    });
}

/// A step that answers with `version`.
pub(super) fn answer(
    steps: &mut Steps<'_>,
    at: usize,
    index: usize,
    what: What,
    version: Version,
    change: impl FnOnce(&mut State),
) {
    let floor = steps.from.replicas[at].readers[index].floor;
    let mut after = *steps.from;
    change(&mut after);
    steps.reach(&mut after, Milestone::Observed, version);
    steps.lead_to(Actor::Reader(at, index), what, after, (version < floor).then_some(Violation::Stale));
}
