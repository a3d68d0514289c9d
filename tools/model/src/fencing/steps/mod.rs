//! Which steps lead from a state to the next ones.
//!
//! A step is the smallest thing that the others can notice: a command takes effect, or a reply is handled *and*
//! what follows from it is sent. Between sending and taking effect any number of other steps may come, so every
//! command may be as late as it likes without a fault; a fault is when its sender waits no longer.
//!
//! Reading a reply is one step with the command where nothing can happen in between that another order of steps
//! does not show as well: an answer given the instant Redis executes the look is the one that the promise is
//! strictest on.

mod faults;
mod reader;
mod redis;
mod server;
mod stray;
mod writer;

use crate::fencing::bounds::{Bounds, Fault};
use crate::fencing::cell::Version;
use crate::fencing::event::{Actor, What};
use crate::fencing::pack::{Packed, pack, unpack};
use crate::fencing::property::{Milestone, Promise, is_stuck, reach};
use crate::fencing::rules::Rules;
use crate::fencing::state::State;
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
        State::initial(self.bounds.faults)
    }

    fn successors(&self, from: &State, out: &mut Vec<Next<Self>>) {
        out.clear();
        let mut steps = Steps { setting: self, from, out };
        // Two that are equal in everything have the same steps, so the second is left out.
        for (index, reader) in from.readers.iter().enumerate() {
            if !from.readers[..index].contains(reader) {
                reader::steps(&mut steps, index);
            }
        }
        for (index, writer) in from.writers.iter().enumerate() {
            if !from.writers[..index].contains(writer) {
                writer::steps(&mut steps, index);
            }
        }
        for index in 0..from.strays.len() {
            stray::steps(&mut steps, index);
        }
        server::steps(&mut steps);
        faults::steps(&mut steps);
    }

    fn pack(&self, state: &State) -> Packed {
        pack(state)
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
        let stuck = is_stuck(&state, self.setting.rules.lease_has_ttl).then_some(Violation::Stuck);
        self.out.push(Next { event: Event { actor, what }, state, violation: wrong.or(stuck) });
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
