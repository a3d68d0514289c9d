//! What goes wrong with readers and writers: answers that do not come, time-outs, deaths.

use super::{Steps, reader, writer};
use crate::fencing::bounds::Fault;
use crate::fencing::cell::Token;
use crate::fencing::event::{Actor, What};
use crate::fencing::process::{Reader, ReaderPhase, StrayKind, Transaction, Writer, WriterPhase};
use crate::fencing::property::Milestone;
use crate::fencing::rules::{UnansweredAcquire, UnknownCommit};
use crate::fencing::state::State;

/// Every fault of theirs that can happen now.
pub(super) fn steps(steps: &mut Steps<'_>) {
    if steps.from.faults_left == 0 {
        return;
    }
    replica_dies(steps);
    for index in 0..steps.from.readers.len() {
        reader_faults(steps, index);
    }
    for index in 0..steps.from.writers.len() {
        let Writer { phase, transaction, .. } = steps.from.writers[index];
        match phase {
            WriterPhase::Fencing => fence_unanswered(steps, index),
            WriterPhase::Committing | WriterPhase::Ended => commit_unanswered(steps, index),
            WriterPhase::Lifting => lift_unanswered(steps, index),
            WriterPhase::Idle | WriterPhase::Ready | WriterPhase::Gone => {}
        }
        if transaction != Transaction::None && phase != WriterPhase::Gone {
            transaction_times_out(steps, index);
        }
        if !matches!(phase, WriterPhase::Idle | WriterPhase::Gone) {
            writer_dies(steps, index);
        }
    }
}

fn reader_faults(steps: &mut Steps<'_>, index: usize) {
    let rules = steps.setting.rules;
    let actor = Actor::Reader(index);
    let phase = steps.from.readers[index].phase;
    if phase == ReaderPhase::Acquiring {
        let token = reader::new_token(steps);
        let mine = match rules.unanswered_acquire {
            UnansweredAcquire::GrantsNothing => Token::NONE,
            UnansweredAcquire::Grants => token,
        };
        steps.fault(Fault::AcquireUnanswered, actor, What::AcquireUnanswered, |state| {
            reader::issue(&rules, state, index, mine);
            state.send_stray(StrayKind::Acquire, token, 0);
        });
    }
    let has_lease =
        matches!(phase, ReaderPhase::Granted | ReaderPhase::Loading | ReaderPhase::Loaded | ReaderPhase::Filling)
            && steps.from.readers[index].token != Token::NONE;
    if has_lease {
        steps.fault(Fault::ReaderDies, actor, What::ReaderDies, |state| {
            state.readers[index] = Reader::IDLE;
        });
    }
}

fn fence_unanswered(steps: &mut Steps<'_>, index: usize) {
    let token = writer::new_token(&steps.setting.rules, steps.from);
    let mut after = *steps.from;
    after.writers[index].phase = WriterPhase::Ready;
    after.writers[index].token = token;
    writer::doubt_fence(steps, &mut after, index);
    let actor = Actor::Writer(index);
    steps.fault(Fault::FenceUnanswered, actor, What::FenceUnanswered, |state| {
        *state = after;
        state.send_stray(StrayKind::Fence, token, state.row + 1);
    });
}

/// The outcome is unknown, whether COMMIT is still on its way or only its reply is lost.
fn commit_unanswered(steps: &mut Steps<'_>, index: usize) {
    let mut after = *steps.from;
    let Writer { version, .. } = after.writers[index];
    steps.reach(&mut after, Milestone::Ended, version);
    match steps.setting.rules.unknown_commit {
        UnknownCommit::LeavesTheFence => writer::leave(&mut after, index),
        UnknownCommit::Lifts => {
            after.writers[index].phase = WriterPhase::Lifting;
            after.writers[index].version = 0;
        }
    }
    steps.fault(Fault::CommitUnanswered, Actor::Writer(index), What::CommitUnanswered, |state| {
        *state = after;
    });
}

fn lift_unanswered(steps: &mut Steps<'_>, index: usize) {
    let Writer { token, version, .. } = steps.from.writers[index];
    let mut after = *steps.from;
    steps.reach(&mut after, Milestone::Answered { confirmed: false }, version);
    writer::leave(&mut after, index);
    steps.fault(Fault::LiftUnanswered, Actor::Writer(index), What::LiftUnanswered, |state| {
        *state = after;
        state.send_stray(StrayKind::Lift, token, version);
    });
}

/// The process learns of it by the error that its next statement gets.
fn transaction_times_out(steps: &mut Steps<'_>, index: usize) {
    let mut after = *steps.from;
    writer::end_transaction(&mut after, index);
    if after.writers[index].phase == WriterPhase::Committing {
        after.writers[index].phase = WriterPhase::Ended;
        writer::doubt_fence(steps, &mut after, index);
    }
    let (actor, what) = (Actor::Writer(index), What::TransactionTimesOut);
    steps.fault(Fault::TransactionTimesOut, actor, what, |state| {
        *state = after;
    });
}

fn writer_dies(steps: &mut Steps<'_>, index: usize) {
    let mut after = *steps.from;
    kill_writer(steps, &mut after, index);
    let actor = Actor::Writer(index);
    steps.fault(Fault::WriterDies, actor, What::WriterDies, |state| {
        *state = after;
    });
}

/// Its last command may be on its way, and its transaction open.
fn kill_writer(steps: &Steps<'_>, state: &mut State, index: usize) {
    let Writer { phase, token, version, .. } = state.writers[index];
    steps.reach(state, Milestone::Ended, version);
    writer::leave(state, index);
    match phase {
        WriterPhase::Fencing => {
            let token = writer::new_token(&steps.setting.rules, state);
            state.send_stray(StrayKind::Fence, token, state.row + 1);
        }
        WriterPhase::Lifting => state.send_stray(StrayKind::Lift, token, version),
        WriterPhase::Idle | WriterPhase::Ready | WriterPhase::Committing | WriterPhase::Ended | WriterPhase::Gone => {}
    }
}

/// With one replica it is everybody at once. Where that would leave so many commands on their way that the faults still
/// to come have no room for theirs, the search does without.
fn replica_dies(steps: &mut Steps<'_>) {
    let free = steps.from.strays.iter().filter(|stray| stray.kind == StrayKind::None).count();
    let commands =
        steps.from.writers.iter().filter(|writer| matches!(writer.phase, WriterPhase::Fencing | WriterPhase::Lifting));
    if commands.count() + usize::from(steps.from.faults_left) > free + 1 {
        return;
    }
    let mut after = *steps.from;
    after.readers.fill(Reader::IDLE);
    (0..after.writers.len()).for_each(|index| kill_writer(steps, &mut after, index));
    let what = What::ReplicaDies;
    steps.fault(Fault::ReplicaDies, Actor::Replica, what, |state| {
        *state = after;
    });
}
