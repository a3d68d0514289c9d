//! A writer of ours: fence, COMMIT, lift; its row of the outbox; and writers who are not ours.
//!
//! Who has changed the row holds its lock until COMMIT or ROLLBACK, so at most one transaction is open at a time. A write
//! that is rolled back is one whose writer dies.

use super::{Steps, gate, near, redis};
use crate::replicas::event::{Actor, What};
use crate::replicas::process::{StrayKind, Writer, WriterPhase};
use crate::replicas::property::Milestone;
use crate::replicas::replica::Link;
use crate::replicas::rules::OwnRow;
use crate::replicas::state::{REPLICAS, State, Version, Versions};

/// The steps of the writer of replica `at`.
pub(super) fn steps(steps: &mut Steps<'_>, at: usize) {
    let (link, writer) = (steps.from.replicas[at].link, steps.from.replicas[at].writer);
    match (writer.phase, link) {
        (WriterPhase::Idle, _) => begin(steps, at),
        (WriterPhase::Fencing, Link::Up) => fence(steps, at),
        (WriterPhase::Fencing, Link::Down) => give_up_fence(steps, at),
        (WriterPhase::Fenced, _) => commit(steps, at, What::Committed),
        (WriterPhase::Lifting, Link::Up) => lift(steps, at),
        (WriterPhase::Lifting, Link::Down) => give_up_lift(steps, at),
        (WriterPhase::Lifted, _) => answer_late(steps, at),
        // What becomes of the command shows when the break is noticed.
        (WriterPhase::Fencing | WriterPhase::Lifting, Link::Broken | Link::Starting) => {}
        (WriterPhase::Gone | WriterPhase::Doomed, _) => {
            if writer.phase == WriterPhase::Gone {
                commit(steps, at, What::OrphanCommitted);
            }
            steps.take(Actor::Writer(at), What::OrphanAborted, |state| state.replicas[at].writer = Writer::IDLE);
        }
    }
}

fn begin(steps: &mut Steps<'_>, at: usize) {
    let busy = steps.from.replicas.iter().filter(|replica| replica.writer.phase != WriterPhase::Idle).count();
    let serves = steps.from.replicas[at].link != Link::Starting;
    let may_write = serves && steps.from.row < steps.setting.bounds.versions && !steps.from.is_locked();
    if busy < steps.setting.bounds.writers && may_write {
        steps.take(Actor::Writer(at), What::FenceSent, |state| {
            state.replicas[at].writer.phase = WriterPhase::Fencing;
        });
    }
}

fn fence(steps: &mut Steps<'_>, at: usize) {
    let rules = steps.setting.rules;
    steps.take(Actor::Writer(at), What::FenceSet, |state| {
        redis::fence(&rules, state, state.row + 1);
        let announced = state.sequence;
        let writer = &mut state.replicas[at].writer;
        (writer.phase, writer.has_fence, writer.announced) = (WriterPhase::Fenced, true, announced);
    });
}

fn give_up_fence(steps: &mut Steps<'_>, at: usize) {
    let rules = steps.setting.rules;
    steps.take(Actor::Writer(at), What::FenceFails, |state| {
        state.replicas[at].writer.phase = WriterPhase::Fenced;
        gate::close_if(rules.failed_fence_closes, state, at);
    });
}

/// The row of the outbox comes with the change.
fn commit(steps: &mut Steps<'_>, at: usize, what: What) {
    let mut after = *steps.from;
    let version = put_row(&mut after);
    // An orphan's COMMIT was sent after the wait, too.
    let announced = after.replicas[at].writer.announced;
    near::end_looks(steps, &mut after, announced, steps.setting.rules.waits_before_commit);
    let fenced = announced.is_some();
    steps.reach(&mut after, Milestone::Committed { fenced }, version);
    let writer = &mut after.replicas[at].writer;
    (writer.guarded, writer.announced) = (false, None);
    if what == What::Committed {
        (writer.phase, writer.version) = (WriterPhase::Lifting, version);
    } else {
        *writer = Writer::IDLE;
        steps.reach(&mut after, Milestone::Ended, version);
    }
    steps.lead_to(Actor::Writer(at), what, after, None);
}

fn put_row(state: &mut State) -> Version {
    state.row += 1;
    state.outbox.rows = state.outbox.rows.with(Versions::only(state.row));
    state.row
}

fn lift(steps: &mut Steps<'_>, at: usize) {
    let rules = steps.setting.rules;
    let Writer { has_fence, version, .. } = steps.from.replicas[at].writer;
    let what = match (has_fence, rules.lost_fence_is_published) {
        (true, _) => What::LiftFoundOwnFence,
        (false, true) => What::LiftFoundNoFence,
        (false, false) => What::LiftSilent,
    };
    let mut after = *steps.from;
    if redis::lift(&rules, &mut after, has_fence) {
        let announced = after.sequence;
        after.replicas[at].writer = Writer { phase: WriterPhase::Lifted, version, announced, ..Writer::IDLE };
    } else {
        confirm(steps, &mut after, at, version);
    }
    steps.lead_to(Actor::Writer(at), what, after, None);
}

/// After a lift that has announced something.
fn answer_late(steps: &mut Steps<'_>, at: usize) {
    let Writer { version, announced, .. } = steps.from.replicas[at].writer;
    let mut after = *steps.from;
    near::end_looks(steps, &mut after, announced, steps.setting.rules.waits_before_answer);
    confirm(steps, &mut after, at, version);
    steps.lead_to(Actor::Writer(at), What::WaitedAndAnswered, after, None);
}

fn confirm(steps: &Steps<'_>, state: &mut State, at: usize, version: Version) {
    state.replicas[at].writer = Writer::IDLE;
    state.outbox.done = state.outbox.done.with(Versions::only(version).and(state.outbox.rows));
    steps.reach(state, Milestone::Confirmed, version);
}

fn give_up_lift(steps: &mut Steps<'_>, at: usize) {
    let mut after = *steps.from;
    answer_unconfirmed(steps, &mut after, at);
    steps.lead_to(Actor::Writer(at), What::LiftFails, after, None);
}

/// The lift has failed: the gate is closed, then the write is answered.
pub(super) fn answer_unconfirmed(steps: &Steps<'_>, state: &mut State, at: usize) {
    let version = state.replicas[at].writer.version;
    let rules = &steps.setting.rules;
    state.replicas[at].writer = Writer::IDLE;
    gate::close_if(rules.failed_lift_closes, state, at);
    if rules.own_row == OwnRow::AfterAnyLift {
        state.outbox.done = state.outbox.done.with(Versions::only(version).and(state.outbox.rows));
    }
    steps.reach(state, Milestone::Unconfirmed(at), version);
}

/// The process of the writer is no more; its transaction may be, and its command may be on its way.
pub(super) fn kill(steps: &Steps<'_>, state: &mut State, at: usize) {
    let Writer { phase, version, announced, guarded, .. } = state.replicas[at].writer;
    if let Some(stray) = command_on_its_way(state, at) {
        state.send_stray(stray);
    }
    state.replicas[at].writer = match phase {
        WriterPhase::Idle | WriterPhase::Lifting | WriterPhase::Lifted => Writer::IDLE,
        WriterPhase::Fenced | WriterPhase::Gone => {
            Writer { phase: WriterPhase::Gone, announced, guarded, ..Writer::IDLE }
        }
        WriterPhase::Fencing | WriterPhase::Doomed => Writer { phase: WriterPhase::Doomed, guarded, ..Writer::IDLE },
    };
    if matches!(phase, WriterPhase::Lifting | WriterPhase::Lifted) {
        steps.reach(state, Milestone::Ended, version);
    }
}

/// The command that a writer waits for, as one that nobody waits for.
pub(super) fn command_on_its_way(state: &State, at: usize) -> Option<super::Stray> {
    let Writer { phase, has_fence, .. } = state.replicas[at].writer;
    match phase {
        WriterPhase::Fencing => Some(super::Stray { kind: StrayKind::Fence, has_fence: false, version: state.row + 1 }),
        WriterPhase::Lifting => Some(super::Stray { kind: StrayKind::Lift, has_fence, version: 0 }),
        _ => None,
    }
}

/// Rows that their writers delete, another program, and a writer of another cell.
pub(super) fn steps_of_others(steps: &mut Steps<'_>) {
    let deletable = steps.from.outbox.done.and(steps.from.free_rows());
    for rows in deletable.subsets().filter(|rows| rows.0.is_power_of_two()) {
        let mut after = *steps.from;
        delete_rows(steps, &mut after, rows);
        // Which replica it was is not kept; it makes no difference.
        steps.lead_to(Actor::Writer(REPLICAS), What::OwnRowDeleted, after, None);
    }
    let may_write = steps.from.row < steps.setting.bounds.versions && !steps.from.is_locked();
    if steps.from.programs_left > 0 && may_write {
        steps.take(Actor::Program, What::ProgramCommits, |state| {
            state.programs_left -= 1;
            put_row(state);
        });
    }
    if steps.from.others_left > 0 {
        let rules = steps.setting.rules;
        steps.take(Actor::Other, What::OtherFenced, |state| {
            state.others_left -= 1;
            redis::announce(&rules, state, false);
        });
    }
}

/// The DELETE of rows of the outbox is committed.
pub(super) fn delete_rows(steps: &Steps<'_>, state: &mut State, rows: Versions) {
    state.outbox.rows = state.outbox.rows.without(rows);
    state.outbox.done = state.outbox.done.without(rows);
    steps.reach(state, Milestone::Settled, rows.newest());
}
