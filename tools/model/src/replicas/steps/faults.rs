//! What goes wrong: with one replica, and with Redis; and commands that arrive late because of it.

use super::{Steps, Stray, gate, listener, redis, writer};
use crate::replicas::bounds::Fault;
use crate::replicas::event::{Actor, What};
use crate::replicas::process::{Reader, ReaderPhase, Relay, StrayKind, WriterPhase};
use crate::replicas::replica::{Gate, Link, Replica, Slot};
use crate::replicas::state::{Cell, State, Versions};

/// Every fault of replica `at` that can happen now.
pub(super) fn steps_of_replica(steps: &mut Steps<'_>, at: usize) {
    if steps.from.faults_left == 0 {
        return;
    }
    let Replica { link, listens, writer, relay, .. } = steps.from.replicas[at];
    if link == Link::Up {
        cut_off(steps, at);
    }
    if link == Link::Up && listens {
        let mut after = *steps.from;
        listener::stop_listening(steps, &mut after, at);
        gate::close_if(steps.setting.rules.broken_listener_closes, &mut after, at);
        steps.fault(Fault::ListenerBreaks, Actor::Listener(at), What::ListenerBroke, |state| *state = after);
    }
    match writer.phase {
        WriterPhase::Fencing if link == Link::Up => fence_unanswered(steps, at),
        WriterPhase::Lifting if link == Link::Up => lift_unanswered(steps, at),
        _ => {}
    }
    if !matches!(writer.phase, WriterPhase::Idle | WriterPhase::Gone | WriterPhase::Doomed) {
        let mut after = *steps.from;
        writer::kill(steps, &mut after, at);
        steps.fault(Fault::WriterDies, Actor::Writer(at), What::WriterDies, |state| *state = after);
    }
    if relay != Relay::Idle {
        steps.fault(Fault::RelayDies, Actor::Relay(at), What::RelayDies, |state| kill_relay(state, at));
    }
    replica_dies(steps, at);
}

/// Commands on their way are lost with the connection, or the writer's is not.
fn cut_off(steps: &mut Steps<'_>, at: usize) {
    let late = writer::command_on_its_way(steps.from, at);
    steps.fault(Fault::CutOff, Actor::Replica(at), What::CutOff, |state| state.replicas[at].link = Link::Broken);
    if let Some(stray) = late {
        steps.fault(Fault::CutOff, Actor::Replica(at), What::CutOffLate, |state| {
            state.replicas[at].link = Link::Broken;
            state.send_stray(stray);
        });
    }
}

fn fence_unanswered(steps: &mut Steps<'_>, at: usize) {
    let rules = steps.setting.rules;
    let late = writer::command_on_its_way(steps.from, at);
    steps.fault(Fault::FenceUnanswered, Actor::Writer(at), What::FenceUnanswered, |state| {
        if let Some(stray) = late {
            state.send_stray(stray);
        }
        state.replicas[at].writer.phase = WriterPhase::Fenced;
        gate::close_if(rules.failed_fence_closes, state, at);
    });
}

fn lift_unanswered(steps: &mut Steps<'_>, at: usize) {
    let mut after = *steps.from;
    let late = writer::command_on_its_way(steps.from, at);
    if let Some(stray) = late {
        after.send_stray(stray);
    }
    writer::answer_unconfirmed(steps, &mut after, at);
    steps.fault(Fault::LiftUnanswered, Actor::Writer(at), What::LiftUnanswered, |state| *state = after);
}

/// Its script may be on its way; its transaction is rolled back.
fn kill_relay(state: &mut State, at: usize) {
    if matches!(state.replicas[at].relay, Relay::Applying(_)) {
        state.send_stray(Stray { kind: StrayKind::Relay, ..Stray::NONE });
    }
    state.replicas[at].relay = Relay::Idle;
}

/// A fill may be on its way. Where there are more commands on their way than places, the search does without the relay's.
fn replica_dies(steps: &mut Steps<'_>, at: usize) {
    let rules = steps.setting.rules;
    let mut after = *steps.from;
    writer::kill(steps, &mut after, at);
    listener::stop_listening(steps, &mut after, at);
    kill_relay(&mut after, at);
    let replica = &mut after.replicas[at];
    (replica.link, replica.applied, replica.messages) = (Link::Starting, None, 0);
    replica.set_slot(rules.marker, Slot::Empty);
    for reader in &mut replica.readers {
        if reader.phase != ReaderPhase::Filling {
            *reader = Reader::IDLE;
        }
    }
    replica.gate = if rules.closed_at_start { Gate::Closed } else { Gate::Open };
    steps.fault(Fault::ReplicaDies, Actor::Replica(at), What::ReplicaDies, |state| *state = after);
}

/// Every fault of Redis that can happen now, and every late command.
pub(super) fn steps_of_redis(steps: &mut Steps<'_>) {
    for place in 0..steps.from.strays.len() {
        late_command(steps, place);
    }
    if steps.from.faults_left == 0 {
        return;
    }
    let guarded = steps.from.replicas.iter().any(|replica| replica.writer.guarded);
    let is_fence = matches!(steps.from.cell, Cell::Fence { .. });
    let (cell, sequence) = (steps.from.cell, steps.from.sequence);
    // What may expire need not be evicted.
    if cell != Cell::Absent && (!steps.setting.bounds.expiry || is_fence && guarded) {
        steps.fault(Fault::CellEvicted, Actor::Redis, What::CellEvicted, |state| state.set_cell(Cell::Absent));
    }
    if sequence.is_some() {
        steps.fault(Fault::SequenceEvicted, Actor::Redis, What::SequenceEvicted, |state| state.sequence = None);
    }
    if cell != Cell::Absent && sequence.is_some() {
        steps.fault(Fault::Flush, Actor::Redis, What::Flushed, |state| {
            state.set_cell(Cell::Absent);
            state.sequence = None;
        });
    }
    steps.fault(Fault::Restart, Actor::Redis, What::Restarted, restart);
}

/// Every key carries the `run_id`, so it is empty.
fn restart(state: &mut State) {
    state.set_cell(Cell::Absent);
    state.sequence = None;
    state.strays.fill(Stray::NONE);
    for replica in &mut state.replicas {
        if replica.link == Link::Up {
            replica.link = Link::Broken;
        }
    }
}

fn late_command(steps: &mut Steps<'_>, place: usize) {
    let rules = steps.setting.rules;
    let Stray { kind, has_fence, version } = steps.from.strays[place];
    let mut after = *steps.from;
    after.strays[place] = Stray::NONE;
    let what = match kind {
        StrayKind::None => return,
        StrayKind::Fence => {
            redis::fence(&rules, &mut after, version);
            What::LateFence
        }
        StrayKind::Lift => {
            let _nobody_waits = redis::lift(&rules, &mut after, has_fence);
            What::LateLift
        }
        StrayKind::Relay => {
            redis::invalidate(&rules, &mut after, Versions::NONE);
            What::LateRelay
        }
    };
    steps.lead_to(Actor::Stray(place), what, after, None);
}
