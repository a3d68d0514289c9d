//! A writer: transaction, fence, COMMIT, lift.
//!
//! ```text
//! Idle ─▶ lock ▶ Fencing ─▶ Ready ─┬▶ Committing ─▶ Ended ─▶ Lifting ─▶ answers ▶ Idle
//!                                  └─── ROLLBACK ────▶ Ended
//! fence before the lock:  Idle ─▶ Fencing ─▶ Ready ─▶ lock ▶ Ready …
//! fence after COMMIT:     Idle ─▶ lock ▶ Ready ─▶ Committing ─▶ Ended ─▶ Fencing ─▶ Ready ─▶ Lifting …
//! ```

use super::{Steps, redis};
use crate::fencing::cell::{Cell, Token};
use crate::fencing::event::{Actor, What};
use crate::fencing::process::{Transaction, Writer, WriterPhase};
use crate::fencing::property::Milestone;
use crate::fencing::rules::{Answer, BrokenLift, FenceAt, FenceDoes, Lift, Names, Rules, UnsureFence};
use crate::fencing::state::State;

/// The steps of the writer with this number, and of its transaction.
pub(super) fn steps(steps: &mut Steps<'_>, index: usize) {
    match steps.from.writers[index].phase {
        WriterPhase::Idle => begin(steps, index),
        WriterPhase::Fencing => fence(steps, index),
        WriterPhase::Ready => go_on(steps, index),
        WriterPhase::Committing => {}
        WriterPhase::Ended => handle_end(steps, index),
        WriterPhase::Lifting => lift(steps, index),
        WriterPhase::Gone => abort_orphan(steps, index),
    }
    apply_commit(steps, index);
}

fn begin(steps: &mut Steps<'_>, index: usize) {
    let busy = steps.from.writers.iter().filter(|writer| writer.phase != WriterPhase::Idle).count();
    if busy == steps.setting.bounds.writers || steps.from.row == steps.setting.bounds.versions {
        return;
    }
    let before_lock = steps.setting.rules.fence_at == FenceAt::BeforeTheLock;
    if steps.from.is_locked() && !before_lock {
        return;
    }
    let (what, phase, transaction) = match steps.setting.rules.fence_at {
        FenceAt::AfterTheLock => (What::RowLockedFenceSent, WriterPhase::Fencing, Transaction::Locked),
        FenceAt::BeforeTheLock => (What::TransactionBegins, WriterPhase::Fencing, Transaction::Begun),
        FenceAt::AfterCommit | FenceAt::Never => (What::RowLocked, WriterPhase::Ready, Transaction::Locked),
    };
    steps.take(Actor::Writer(index), what, |state| {
        state.writers[index] = Writer { phase, transaction, ..Writer::IDLE };
    });
}

fn fence(steps: &mut Steps<'_>, index: usize) {
    let what = match steps.from.cell {
        Cell::Absent => What::FenceOnNothing,
        Cell::Value { .. } => What::FenceOnValue,
        Cell::Lease(_) => What::FenceOnLease,
        Cell::Fence(_) => What::FenceOnFence,
    };
    let token = new_token(&steps.setting.rules, steps.from);
    let rule = steps.setting.rules.fence_does;
    let cell = redis::fence(rule, steps.from.cell, token, steps.from.row + 1);
    steps.take(Actor::Writer(index), what, |state| {
        state.writers[index].token = token;
        state.writers[index].phase = WriterPhase::Ready;
        put_fence(state, cell);
    });
}

/// Puts what a fence's script made of the cell.
pub(super) fn put_fence(state: &mut State, cell: Cell) {
    let new = cell != state.cell;
    state.set_cell(cell);
    if new && matches!(cell, Cell::Fence(_)) {
        state.guard_open_transactions();
    }
}

/// The token of a fence.
pub(super) fn new_token(rules: &Rules, state: &State) -> Token {
    match (rules.fence_does, rules.fence_token) {
        (FenceDoes::Deletes | FenceDoes::StoresNewVersion, _) => Token::NONE,
        (_, Names::Attempt) => state.fresh_token(),
        (_, Names::Replica) => Token::REPLICA,
    }
}

fn go_on(steps: &mut Steps<'_>, index: usize) {
    let actor = Actor::Writer(index);
    match steps.from.writers[index].transaction {
        Transaction::Begun if steps.from.row < steps.setting.bounds.versions => {
            if !steps.from.is_locked() {
                steps.take(actor, What::RowLocked, |state| {
                    state.writers[index].transaction = Transaction::Locked;
                });
            }
        }
        Transaction::Begun => roll_back(steps, index),
        Transaction::Locked => {
            steps.take(actor, What::CommitSent, |state| {
                state.writers[index].phase = WriterPhase::Committing;
                state.writers[index].transaction = Transaction::CommitSent;
            });
            roll_back(steps, index);
        }
        Transaction::CommitSent | Transaction::None => send_lift(steps, index),
    }
}

fn roll_back(steps: &mut Steps<'_>, index: usize) {
    steps.take(Actor::Writer(index), What::RollsBack, |state| {
        end_transaction(state, index);
        state.writers[index].phase = WriterPhase::Ended;
    });
}

/// Postgres forgets the transaction; its row lock is free.
pub(super) fn end_transaction(state: &mut State, index: usize) {
    state.writers[index].transaction = Transaction::None;
    state.writers[index].guarded = false;
}

fn apply_commit(steps: &mut Steps<'_>, index: usize) {
    if steps.from.writers[index].transaction != Transaction::CommitSent {
        return;
    }
    let waits = steps.from.writers[index].phase == WriterPhase::Committing;
    let what = if waits { What::CommitApplied } else { What::OrphanCommitted };
    let mut after = *steps.from;
    after.row += 1;
    end_transaction(&mut after, index);
    let version = after.row;
    steps.reach(&mut after, Milestone::Committed, version);
    if waits {
        after.writers[index].phase = WriterPhase::Ended;
        after.writers[index].version = version;
    } else {
        steps.reach(&mut after, Milestone::Ended, version);
        if after.writers[index].phase == WriterPhase::Gone {
            after.writers[index] = Writer::IDLE;
        }
    }
    steps.lead_to(Actor::Writer(index), what, after, None);
}

/// The connection of a writer that is gone breaks, and Postgres rolls back.
fn abort_orphan(steps: &mut Steps<'_>, index: usize) {
    steps.take(Actor::Writer(index), What::OrphanAborted, |state| {
        end_transaction(state, index);
        state.writers[index] = Writer::IDLE;
    });
}

fn handle_end(steps: &mut Steps<'_>, index: usize) {
    let rules = &steps.setting.rules;
    let committed = steps.from.writers[index].version > 0;
    if rules.fence_at == FenceAt::AfterCommit && committed {
        steps.take(Actor::Writer(index), What::FenceSentAfterCommit, |state| {
            state.writers[index].phase = WriterPhase::Fencing;
        });
    } else if rules.lift == Lift::Never {
        finish(steps, index, What::AnsweredWithoutLift, true, |_| ());
    } else if rules.answer == Answer::AfterCommit && committed {
        let mut after = *steps.from;
        let version = after.writers[index].version;
        steps.reach(&mut after, Milestone::Answered { confirmed: true }, version);
        after.writers[index].version = 0;
        after.writers[index].phase = WriterPhase::Lifting;
        steps.lead_to(Actor::Writer(index), What::AnsweredBeforeLift, after, None);
    } else {
        send_lift(steps, index);
    }
}

fn send_lift(steps: &mut Steps<'_>, index: usize) {
    let Writer { phase, version, broken, .. } = steps.from.writers[index];
    if broken && steps.setting.rules.broken_lift == BrokenLift::Fails {
        finish(steps, index, What::LiftConnectionBroken, false, |_| ());
        return;
    }
    // Its transaction is over and nobody has asked for that: a time-out, perhaps before the fence ran.
    let timed_out = phase == WriterPhase::Ready && version == 0;
    let mut after = *steps.from;
    after.writers[index].phase = WriterPhase::Lifting;
    if timed_out {
        doubt_fence(steps, &mut after, index);
    }
    steps.lead_to(Actor::Writer(index), What::LiftSent, after, None);
}

/// Takes away the token by which the lift would know this writer's fence, if the rules want that.
pub(super) fn doubt_fence(steps: &Steps<'_>, state: &mut State, index: usize) {
    if steps.setting.rules.unsure_fence == UnsureFence::LeftToItsTtl {
        state.writers[index].token = Token::NONE;
    }
}

fn lift(steps: &mut Steps<'_>, index: usize) {
    let Writer { token, version, .. } = steps.from.writers[index];
    let what = match steps.from.cell {
        Cell::Absent => What::LiftFoundNothing,
        Cell::Value { .. } => What::LiftFoundValue,
        Cell::Lease(_) => What::LiftFoundLease,
        Cell::Fence(there) if there.matches(token) => What::LiftFoundOwnFence,
        Cell::Fence(_) => What::LiftFoundOthersFence,
    };
    let cell = redis::lift(steps.setting.rules.lift, steps.from.cell, token, version);
    finish(steps, index, what, true, |state| state.set_cell(cell));
}

/// Answers the caller and ends the write. A transaction that is still open stays behind.
pub(super) fn finish(
    steps: &mut Steps<'_>,
    index: usize,
    what: What,
    confirmed: bool,
    change: impl FnOnce(&mut State),
) {
    let mut after = *steps.from;
    change(&mut after);
    let Writer { version, .. } = after.writers[index];
    steps.reach(&mut after, Milestone::Answered { confirmed }, version);
    leave(&mut after, index);
    steps.lead_to(Actor::Writer(index), what, after, None);
}

/// The process of the writer is no more; its transaction may be.
pub(super) fn leave(state: &mut State, index: usize) {
    let writer = state.writers[index];
    state.writers[index] = match writer.transaction {
        Transaction::None => Writer::IDLE,
        transaction => Writer { phase: WriterPhase::Gone, transaction, guarded: writer.guarded, ..Writer::IDLE },
    };
}
