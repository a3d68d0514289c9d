//! Commands whose sender waits no longer, when they arrive after all.

use super::{Steps, redis, writer};
use crate::fencing::event::{Actor, What};
use crate::fencing::process::{Stray, StrayKind};

/// The steps of the command in this slot.
pub(super) fn steps(steps: &mut Steps<'_>, index: usize) {
    let Stray { kind, token, version } = steps.from.strays[index];
    let actor = Actor::Stray(index);
    let rules = &steps.setting.rules;
    match kind {
        StrayKind::None => {}
        StrayKind::Acquire => match redis::acquire(steps.from.cell, token) {
            Some(cell) => steps.take(actor, What::LateAcquireSet, |state| {
                state.strays[index] = Stray::EMPTY;
                state.set_cell(cell);
            }),
            None => steps.take(actor, What::LateAcquireRefused, |state| {
                state.strays[index] = Stray::EMPTY;
            }),
        },
        StrayKind::Fence => {
            let cell = redis::fence(rules.fence_does, steps.from.cell, token, version);
            steps.take(actor, What::LateFence, |state| {
                state.strays[index] = Stray::EMPTY;
                writer::put_fence(state, cell);
            });
        }
        StrayKind::Lift => {
            let cell = redis::lift(rules.lift, steps.from.cell, token, version);
            let left = cell == steps.from.cell;
            let what = if left { What::LateLiftLeft } else { What::LateLiftDeleted };
            steps.take(actor, what, |state| {
                state.strays[index] = Stray::EMPTY;
                state.set_cell(cell);
            });
        }
    }
}
