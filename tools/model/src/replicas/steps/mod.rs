//! Which steps lead from a state to the next ones.
//!
//! As in the cell protocol a command takes effect at any time after it is sent, and a reply is handled at any time after
//! that. Where the gate or a slot is asked when a reply is handled, that is a step of its own.

mod faults;
mod gate;
mod listener;
mod near;
mod reader;
mod redis;
mod relay;
mod writer;

use super::bounds::{Bounds, Fault, Reads};
use super::event::{Actor, What};
use super::numbers;
use super::pack::{Packed, pack, unpack};
use super::process::Stray;
use super::property::{Milestone, Promise, reach};
use super::replica::{READERS, Replica};
use super::rules::Rules;
use super::state::{Cell, Outbox, REPLICAS, STRAYS, State, Version, Versions};
use crate::model::{Event, Model, Next, Violation};

/// What one search is about.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The protocol.
    pub rules: Rules,
    /// What it must keep.
    pub promise: Promise,
    /// How far to look.
    pub bounds: Bounds,
}

impl Model for Setting {
    type State = State;
    type Packed = Packed;
    type Actor = Actor;
    type What = What;

    fn initial(&self) -> State {
        State {
            row: 0,
            faults_left: self.bounds.faults,
            cell: Cell::Absent,
            sequence: Some(0),
            ours: 0,
            outbox: Outbox { rows: Versions::NONE, done: Versions::NONE },
            others_left: self.bounds.others,
            programs_left: self.bounds.programs,
            replicas: [Replica::new(self.bounds.reads != Reads::Redis); REPLICAS],
            strays: [Stray::NONE; STRAYS],
        }
    }

    fn successors(&self, from: &State, out: &mut Vec<Next<Self>>) {
        out.clear();
        let mut steps = Steps { setting: self, from, out };
        for at in 0..REPLICAS {
            // Two that are equal in everything have the same steps, so the second is left out.
            if from.replicas[..at].contains(&from.replicas[at]) {
                continue;
            }
            for index in 0..READERS {
                if !from.replicas[at].readers[..index].contains(&from.replicas[at].readers[index]) {
                    reader::steps(&mut steps, at, index);
                }
            }
            writer::steps(&mut steps, at);
            relay::steps(&mut steps, at);
            listener::steps(&mut steps, at);
            gate::steps(&mut steps, at);
            faults::steps_of_replica(&mut steps, at);
        }
        writer::steps_of_others(&mut steps);
        redis::steps(&mut steps);
        faults::steps_of_redis(&mut steps);
    }

    fn pack(&self, state: &State) -> Packed {
        pack(&self.rules, state)
    }

    fn unpack(&self, packed: Packed) -> State {
        unpack(packed)
    }

    fn max_states(&self) -> usize {
        self.bounds.max_states
    }
}

/// The steps out of one state, while they are collected.
struct Steps<'a> {
    setting: &'a Setting,
    from: &'a State,
    out: &'a mut Vec<Next<Setting>>,
}

impl Steps<'_> {
    /// A step that changes the state a little.
    fn take(&mut self, actor: Actor, what: What, change: impl FnOnce(&mut State)) {
        let mut after = *self.from;
        change(&mut after);
        self.lead_to(actor, what, after, None);
    }

    /// A step to this state. `wrong` is what is wrong with the answer that it gives, if it gives one.
    fn lead_to(&mut self, actor: Actor, what: What, state: State, wrong: Option<Violation>) {
        self.out.push(Next { event: Event { actor, what }, state, violation: wrong });
    }

    /// A step that is a fault, if there may be one more and it may be of this kind.
    fn fault(&mut self, kind: Fault, actor: Actor, what: What, change: impl FnOnce(&mut State)) {
        if self.from.faults_left > 0 && self.setting.bounds.kinds.contains(kind) {
            self.take(actor, what, |state| {
                change(state);
                state.faults_left -= 1;
            });
        }
    }

    /// Notes that something happened which the promise under test may count.
    fn reach(&self, state: &mut State, milestone: Milestone, version: Version) {
        reach(state, self.setting.promise, milestone, version);
    }
}
