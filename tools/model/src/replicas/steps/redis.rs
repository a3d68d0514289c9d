//! What scripts and looks do to the keys, and what Redis does to them by itself.

use super::Steps;
use crate::replicas::event::{Actor, What};
use crate::replicas::numbers::{above_all, only};
use crate::replicas::replica::Link;
use crate::replicas::rules::{MissingSequence, RelayFence, Rules};
use crate::replicas::state::{Cell, Number, State, Version, Versions};

/// Counts the sequence up and publishes the number, for our cell or for another one.
pub(super) fn announce(rules: &Rules, state: &mut State, ours: bool) {
    let last = state.sequence.unwrap_or_else(|| match rules.missing_sequence {
        MissingSequence::StartsAboveAll | MissingSequence::IsZeroToALook => above_all(state),
        MissingSequence::StartsAtOne => 0,
    });
    let number = last + 1;
    state.sequence = Some(number);
    state.ours &= !only(number);
    state.ours |= if ours { only(number) } else { 0 };
    for replica in &mut state.replicas {
        if replica.listens && replica.link == Link::Up {
            replica.messages |= only(number);
        }
    }
}

/// What a look at the sequence says.
pub(super) fn look_at_sequence(rules: &Rules, state: &mut State) -> (Number, What) {
    if let Some(number) = state.sequence {
        return (number, What::SequenceSeen);
    }
    let number = match rules.missing_sequence {
        MissingSequence::StartsAboveAll => above_all(state),
        MissingSequence::StartsAtOne => 1,
        MissingSequence::IsZeroToALook => return (0, What::SequenceSeen),
    };
    state.sequence = Some(number);
    (number, What::SequenceStarted)
}

/// Makes the cell a fence, counts and publishes. The fence outlives all transactions that are open now.
pub(super) fn fence(rules: &Rules, state: &mut State, version: Version) {
    let of = if rules.relay_fence == RelayFence::OwnDeleted { version } else { 0 };
    state.set_cell(Cell::Fence { of });
    for replica in &mut state.replicas {
        replica.writer.guarded = replica.writer.holds_lock();
    }
    if rules.fence_is_published {
        announce(rules, state, true);
    }
}

/// Deletes whatever is there but another writer's fence. True when it has announced something.
pub(super) fn lift(rules: &Rules, state: &mut State, finds_own_fence: bool) -> bool {
    if finds_own_fence || !matches!(state.cell, Cell::Fence { .. }) {
        state.set_cell(Cell::Absent);
    }
    let announces = !rules.fence_is_published || !finds_own_fence && rules.lost_fence_is_published;
    if announces {
        announce(rules, state, true);
    }
    announces
}

/// The relay's script.
pub(super) fn invalidate(rules: &Rules, state: &mut State, rows: Versions) -> What {
    let what = match (state.cell, rules.relay_fence) {
        (Cell::Absent, _) => What::RelayFindsNothing,
        (Cell::Value(_), _) => What::RelayDeletesValue,
        (Cell::Lease, _) if rules.relay_deletes_leases => What::RelayDeletesLease,
        (Cell::Lease, _) => What::RelayLeavesLease,
        (Cell::Fence { .. }, RelayFence::Deleted) => What::RelayDeletesFence,
        (Cell::Fence { of }, RelayFence::OwnDeleted) if of > 0 && !rows.and(Versions::only(of)).is_empty() => {
            What::RelayDeletesFence
        }
        (Cell::Fence { .. }, _) => What::RelayLeavesFence,
    };
    if !matches!(what, What::RelayLeavesLease | What::RelayLeavesFence) {
        state.set_cell(Cell::Absent);
    }
    if rules.relay_publishes {
        announce(rules, state, true);
    }
    what
}

/// TTLs end. A fence's only when no transaction can be open that it was made to outlive.
pub(super) fn steps(steps: &mut Steps<'_>) {
    if !steps.setting.bounds.expiry {
        return;
    }
    let guarded = steps.from.replicas.iter().any(|replica| replica.writer.guarded);
    let what = match steps.from.cell {
        Cell::Value(_) => What::ValueExpires,
        Cell::Lease => What::LeaseExpires,
        Cell::Fence { .. } if !guarded => What::FenceExpires,
        Cell::Absent | Cell::Fence { .. } => return,
    };
    steps.take(Actor::Redis, what, |state| state.set_cell(Cell::Absent));
}
