//! The gate of a replica: closed by what may have gone by unseen, opened when the outbox is empty of it.

use super::Steps;
use crate::replicas::event::{Actor, What};
use crate::replicas::replica::{Gate, Link};
use crate::replicas::rules::GateOpens;
use crate::replicas::state::{State, Versions};

/// The steps of the gate of replica `at`.
pub(super) fn steps(steps: &mut Steps<'_>, at: usize) {
    let rule = steps.setting.rules.gate_opens;
    let is_up = steps.from.replicas[at].link == Link::Up;
    let rows = steps.from.outbox.rows;
    match steps.from.replicas[at].gate {
        Gate::Closed if !is_up && rule != GateOpens::WhenRowsAreGoneThatWereSeenAnyTime => {}
        Gate::Closed if rule == GateOpens::AtOnce => open(steps, at),
        Gate::Closed if rows.is_empty() => open(steps, at),
        Gate::Closed => {
            steps.take(Actor::Gate(at), What::OutboxSeen, |state| state.replicas[at].gate = Gate::Waiting(rows));
        }
        Gate::Waiting(awaited) if awaited.and(rows) == Versions::NONE => open(steps, at),
        Gate::Open | Gate::Waiting(_) => {}
    }
}

fn open(steps: &mut Steps<'_>, at: usize) {
    steps.take(Actor::Gate(at), What::GateOpens, |state| state.replicas[at].gate = Gate::Open);
}

/// Closes it, whatever it was waiting for.
pub(super) fn close_if(closes: bool, state: &mut State, at: usize) {
    if closes {
        state.replicas[at].gate = Gate::Closed;
    }
}
