//! What Redis does by itself: TTLs end, keys are evicted, it restarts, it fails over and back.

use super::{Steps, reader, writer};
use crate::fencing::bounds::Fault;
use crate::fencing::cell::{Cell, Token};
use crate::fencing::event::{Actor, What};
use crate::fencing::process::{Reader, ReaderPhase, Stray, WriterPhase};
use crate::fencing::property::Milestone;
use crate::fencing::rules::{BrokenLift, Identity, Rules};
use crate::fencing::state::State;

/// All that Redis can do by itself now.
pub(super) fn steps(steps: &mut Steps<'_>) {
    end_of_life(steps);
    save_snapshot(steps);
    if steps.from.failed_over {
        fail_back(steps);
    }
    if steps.from.faults_left > 0 {
        restart(steps);
        if !steps.from.failed_over {
            fail_over(steps);
        }
    }
}

/// The key goes: at its time where the protocol allows it, else as a fault.
///
/// Any time will do for a value or a lease. A fence lives longer than any transaction that is open when it is made,
/// because the transaction's time-outs are shorter than its TTL.
fn end_of_life(steps: &mut Steps<'_>) {
    let rules = &steps.setting.rules;
    let (at_its_time, expires, evicted) = match steps.from.cell {
        Cell::Absent => return,
        Cell::Value { .. } => (true, What::ValueExpires, What::ValueEvicted),
        Cell::Lease(_) => (rules.lease_has_ttl, What::LeaseExpires, What::LeaseEvicted),
        Cell::Fence(_) => {
            let over = steps.from.fence_may_be_over() || !rules.fence_outlives_transactions;
            (over, What::FenceExpires, What::FenceEvicted)
        }
    };
    if at_its_time && steps.setting.bounds.expiry {
        steps.take(Actor::Redis, expires, |state| state.set_cell(Cell::Absent));
    } else {
        steps.fault(Fault::Eviction, Actor::Redis, evicted, |state| {
            state.set_cell(Cell::Absent);
        });
    }
}

/// Redis writes its data to disk, once. Of no account where keys carry the `run_id`.
fn save_snapshot(steps: &mut Steps<'_>) {
    let first = steps.from.saved.is_none() && !steps.setting.rules.keys_carry_run_id;
    if let Cell::Value { version, .. } = steps.from.cell
        && first
    {
        steps.take(Actor::Redis, What::SnapshotSaved, |state| {
            state.saved = Some(version);
        });
    }
}

/// Redis is empty afterwards, since every key carries the `run_id`, or what its snapshot held if keys do not.
fn restart(steps: &mut Steps<'_>) {
    let mut after = *steps.from;
    after.set_cell(steps.from.saved.map_or(Cell::Absent, Cell::value));
    disconnect(steps, &mut after);
    steps.fault(Fault::Restart, Actor::Redis, What::RedisRestarts, |state| {
        *state = after;
    });
}

/// The other server is the primary now; what this one holds stays there.
fn fail_over(steps: &mut Steps<'_>) {
    let mut after = *steps.from;
    after.failed_over = true;
    change_server(steps, &mut after);
    steps.fault(Fault::FailsBack, Actor::Redis, What::RedisFailsOver, |state| {
        *state = after;
    });
}

/// The first server is the primary again. What it holds may have reached its end meanwhile.
fn fail_back(steps: &mut Steps<'_>) {
    for is_over in [false, true] {
        let mut after = *steps.from;
        after.failed_over = false;
        if is_over {
            after.parked = Cell::Absent;
        }
        change_server(steps, &mut after);
        steps.take(Actor::Redis, What::RedisFailsBack, |state| {
            *state = after;
        });
    }
}

/// Each server keeps what it holds. Under the identity that the other one has from now on, only a fence counts.
fn change_server(steps: &Steps<'_>, state: &mut State) {
    let parked = match state.cell {
        // Its refresh broke with the connections.
        Cell::Value { version, .. } => Cell::value(version),
        Cell::Lease(_) => Cell::Lease(Token::GONE),
        other => other,
    };
    let found = match (steps.setting.rules.identity, state.parked) {
        (Identity::Mastership, Cell::Value { .. } | Cell::Lease(_)) => Cell::Absent,
        (_, found) => found,
    };
    state.set_cell(found);
    state.parked = parked;
    disconnect(steps, state);
}

/// Every connection breaks, and with it what was sent through it and what was to be stored through it.
fn disconnect(steps: &Steps<'_>, state: &mut State) {
    state.strays.fill(Stray::EMPTY);
    (0..state.readers.len()).for_each(|index| disconnect_reader(&steps.setting.rules, state, index));
    for index in 0..state.writers.len() {
        disconnect_writer(steps, state, index);
    }
}

fn disconnect_reader(rules: &Rules, state: &mut State, index: usize) {
    match state.readers[index].phase {
        ReaderPhase::Looking | ReaderPhase::Acquiring => {
            reader::issue(rules, state, index, Token::NONE);
        }
        ReaderPhase::AcquiringLoaded => {
            let reader = &mut state.readers[index];
            (reader.phase, reader.token) = (ReaderPhase::Loaded, Token::NONE);
        }
        ReaderPhase::Claiming | ReaderPhase::Filling => state.readers[index] = Reader::IDLE,
        // A fill goes through the connection that its lease came through.
        ReaderPhase::Granted | ReaderPhase::Loading | ReaderPhase::Loaded => state.readers[index].token = Token::NONE,
        ReaderPhase::Idle | ReaderPhase::Waiting => {}
    }
}

fn disconnect_writer(steps: &Steps<'_>, state: &mut State, index: usize) {
    let gives_up = steps.setting.rules.broken_lift == BrokenLift::Fails;
    match state.writers[index].phase {
        // A fence that failed; the write goes on.
        WriterPhase::Fencing => state.writers[index].phase = WriterPhase::Ready,
        WriterPhase::Lifting if gives_up => {
            let version = state.writers[index].version;
            steps.reach(state, Milestone::Answered { confirmed: false }, version);
            writer::leave(state, index);
        }
        WriterPhase::Ready | WriterPhase::Committing | WriterPhase::Ended => {
            state.writers[index].broken = gives_up;
        }
        // A lift on its way is sent again, on a new connection.
        WriterPhase::Idle | WriterPhase::Gone | WriterPhase::Lifting => {}
    }
}
