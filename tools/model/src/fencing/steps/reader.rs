//! A reader: look, acquire, load, fill.
//!
//! ```text
//! Idle ─▶ Looking ─┬─ value ──▶ answers (▶ Claiming ─▶ Granted …, to refresh it early)
//!                  ├─ absent ─▶ Acquiring ─▶ Granted ─▶ Loading ─▶ Loaded ─▶ answers ▶ Filling ─▶ Idle
//!                  ├─ lease ──▶ Waiting ─▶ Looking, or ▶ Loading ─▶ Loaded ─▶ answers
//!                  └─ fence ──▶ Loading ─▶ Loaded ─▶ answers
//! ```
//!
//! **Joining.** Whoever joins a flight gets its answer, and so needs no place of his own in the state: he makes the
//! flight's floor as high as the floor is when he joins. By the protocol's rule the last one joins just before the
//! look or the statement is issued, so that is where the floor is taken. In the variant that joins any flight it is
//! taken when the answer is given.

use super::{Steps, redis};
use crate::fencing::cell::{Cell, Token, Version};
use crate::fencing::event::{Actor, What};
use crate::fencing::process::{Reader, ReaderPhase};
use crate::fencing::property::{Milestone, judge_answer};
use crate::fencing::rules::{Acquire, Join, LoadFrom, LoadStarts, Names, Rules};
use crate::fencing::state::State;

/// The steps of the reader with this number.
pub(super) fn steps(steps: &mut Steps<'_>, index: usize) {
    match steps.from.readers[index].phase {
        ReaderPhase::Idle => arrive(steps, index),
        ReaderPhase::Looking => look(steps, index),
        ReaderPhase::Waiting => wait(steps, index),
        ReaderPhase::Acquiring => {
            load_early(steps, index);
            acquire(steps, index);
        }
        ReaderPhase::AcquiringLoaded => acquire(steps, index),
        ReaderPhase::Claiming => claim(steps, index),
        ReaderPhase::Granted => {
            let rules = steps.setting.rules;
            let token = steps.from.readers[index].token;
            steps.take(Actor::Reader(index), What::StatementIssued, |state| {
                issue(&rules, state, index, token);
            });
        }
        ReaderPhase::Loading => take_snapshot(steps, index),
        ReaderPhase::Loaded => answer_from_load(steps, index),
        ReaderPhase::Filling => fill(steps, index),
    }
}

fn arrive(steps: &mut Steps<'_>, index: usize) {
    let busy = steps.from.readers.iter().filter(|reader| reader.phase != ReaderPhase::Idle).count();
    if busy < steps.setting.bounds.readers {
        steps.take(Actor::Reader(index), What::ReadArrives, |state| {
            issue_look(state, index);
        });
    }
}

fn wait(steps: &mut Steps<'_>, index: usize) {
    let rules = steps.setting.rules;
    let actor = Actor::Reader(index);
    steps.take(actor, What::LooksAgain, |state| issue_look(state, index));
    steps.take(actor, What::GivesUpWaiting, |state| {
        issue(&rules, state, index, Token::NONE);
    });
}

fn issue_look(state: &mut State, index: usize) {
    state.readers[index] = Reader { phase: ReaderPhase::Looking, floor: state.floor, ..Reader::IDLE };
}

/// Issues the statement. Whatever it reads may be stored under `token`.
pub(super) fn issue(rules: &Rules, state: &mut State, index: usize, token: Token) {
    let silent = state.readers[index].silent;
    // The primary will give at least what is committed now, and no floor is above that; it need not be remembered.
    let floor = match rules.load_from {
        LoadFrom::Primary => 0,
        LoadFrom::Standby if silent => 0,
        LoadFrom::Standby => state.floor,
    };
    state.readers[index] = Reader { phase: ReaderPhase::Loading, token, floor, silent, ..Reader::IDLE };
}

fn look(steps: &mut Steps<'_>, index: usize) {
    let rules = steps.setting.rules;
    let actor = Actor::Reader(index);
    match steps.from.cell {
        Cell::Value { version, .. } => {
            answer(steps, index, What::LookHits, version, Reader::IDLE);
            if steps.setting.bounds.refresh {
                let claiming = Reader { phase: ReaderPhase::Claiming, version, silent: true, ..Reader::IDLE };
                answer(steps, index, What::LookHitsAndRefreshes, version, claiming);
            }
        }
        Cell::Absent => match rules.acquire {
            Acquire::Lease => steps.take(actor, What::LookFindsNothing, |state| {
                state.readers[index] = Reader { phase: ReaderPhase::Acquiring, ..Reader::IDLE };
            }),
            // It will store, and has no token that could stop it.
            Acquire::Nothing => steps.take(actor, What::LookFindsNothingAndLoads, |state| {
                issue(&rules, state, index, Token::GONE);
            }),
        },
        Cell::Lease(_) => {
            steps.take(actor, What::LookFindsLease, |state| {
                wait_for_lease(state, index);
            });
        }
        Cell::Fence(_) => {
            steps.take(actor, What::LookFindsFence, |state| {
                issue(&rules, state, index, Token::NONE);
            });
        }
    }
}

fn wait_for_lease(state: &mut State, index: usize) {
    state.readers[index] = Reader { phase: ReaderPhase::Waiting, ..Reader::IDLE };
}

fn load_early(steps: &mut Steps<'_>, index: usize) {
    if steps.setting.rules.load_starts == LoadStarts::AtOnce {
        steps.take(Actor::Reader(index), What::LoadsBeforeTheGrant, |state| {
            state.readers[index].phase = ReaderPhase::AcquiringLoaded;
            state.readers[index].version = state.row;
        });
    }
}

fn acquire(steps: &mut Steps<'_>, index: usize) {
    let actor = Actor::Reader(index);
    let token = new_token(steps);
    match redis::acquire(steps.from.cell, token) {
        Some(cell) => steps.take(actor, What::LeaseGranted, |state| {
            state.set_cell(cell);
            let reader = &mut state.readers[index];
            reader.token = token;
            reader.phase = match reader.phase {
                ReaderPhase::AcquiringLoaded => ReaderPhase::Loaded,
                _ => ReaderPhase::Granted,
            };
        }),
        None => steps.take(actor, What::LeaseRefused, |state| {
            wait_for_lease(state, index);
        }),
    }
}

fn claim(steps: &mut Steps<'_>, index: usize) {
    let actor = Actor::Reader(index);
    let token = new_token(steps);
    match redis::claim(steps.from.cell, steps.from.readers[index].version, token) {
        Some(cell) => steps.take(actor, What::RefreshGranted, |state| {
            state.set_cell(cell);
            state.readers[index] = Reader { phase: ReaderPhase::Granted, token, silent: true, ..Reader::IDLE };
        }),
        None => steps.take(actor, What::RefreshRefused, |state| {
            state.readers[index] = Reader::IDLE;
        }),
    }
}

/// The token of a fill. It is named when the command that carries it takes effect: before, nobody could tell.
pub(super) fn new_token(steps: &Steps<'_>) -> Token {
    match steps.setting.rules.lease_token {
        Names::Attempt => steps.from.fresh_token(),
        Names::Replica => Token::REPLICA,
    }
}

fn take_snapshot(steps: &mut Steps<'_>, index: usize) {
    let row = steps.from.row;
    read_row(steps, index, row);
    if steps.setting.rules.load_from == LoadFrom::Standby && row > 0 {
        read_row(steps, index, row - 1);
    }
}

fn read_row(steps: &mut Steps<'_>, index: usize, version: Version) {
    let Reader { token, floor, .. } = steps.from.readers[index];
    let loaded = Reader {
        phase: ReaderPhase::Loaded,
        version,
        // New enough for good, then there is nothing to remember.
        floor: if version >= floor { 0 } else { floor },
        ..steps.from.readers[index]
    };
    // Without a fill to come nothing but the answer follows, and the strictest instant for it is this one; unless
    // somebody may still join.
    let answers = token == Token::NONE && steps.setting.rules.join == Join::BeforeIssue;
    if answers {
        answer(steps, index, What::AnswersFromLoad, version, Reader::IDLE);
    } else {
        steps.take(Actor::Reader(index), What::SnapshotTaken, |state| {
            state.readers[index] = loaded;
        });
    }
}

fn answer_from_load(steps: &mut Steps<'_>, index: usize) {
    let Reader { token, version, silent, .. } = steps.from.readers[index];
    let (what, then) = if token == Token::NONE {
        (What::AnswersFromLoad, Reader::IDLE)
    } else {
        let filling = Reader { phase: ReaderPhase::Filling, token, version, ..Reader::IDLE };
        (What::AnswersAndFills, filling)
    };
    if silent {
        steps.take(Actor::Reader(index), What::RefreshLoaded, |state| {
            state.readers[index] = then;
        });
    } else {
        answer(steps, index, what, version, then);
    }
}

/// Answers the read, and everybody who has joined it, and goes on to `then`.
fn answer(steps: &mut Steps<'_>, index: usize, what: What, version: Version, then: Reader) {
    let floor = match steps.setting.rules.join {
        Join::BeforeIssue => steps.from.readers[index].floor,
        Join::AnyFlight => steps.from.floor,
    };
    let violation = judge_answer(steps.from, version, floor);
    let mut after = *steps.from;
    after.readers[index] = then;
    steps.reach(&mut after, Milestone::Observed, version);
    steps.lead_to(Actor::Reader(index), what, after, violation);
}

fn fill(steps: &mut Steps<'_>, index: usize) {
    let actor = Actor::Reader(index);
    let Reader { token, version, .. } = steps.from.readers[index];
    match redis::fill(steps.setting.rules.fill, steps.from.cell, token, version) {
        Some(cell) => steps.take(actor, What::FillStored, |state| {
            state.set_cell(cell);
            state.readers[index] = Reader::IDLE;
        }),
        None => steps.take(actor, What::FillRejected, |state| {
            state.readers[index] = Reader::IDLE;
        }),
    }
}
