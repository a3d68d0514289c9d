//! The listener of a replica: messages, and its connection.

use super::numbers::{lowest, only};
use super::{Steps, gate};
use crate::replicas::bounds::{Fault, Reads};
use crate::replicas::event::{Actor, What};
use crate::replicas::process::{Reader, ReaderPhase};
use crate::replicas::property::Milestone;
use crate::replicas::replica::{Link, Replica, Slot};
use crate::replicas::rules::{BrokenListener, Jump};
use crate::replicas::state::{Number, State};

/// The steps of the listener of replica `at`, and of its connections.
pub(super) fn steps(steps: &mut Steps<'_>, at: usize) {
    let Replica { link, listens, messages, slot, .. } = steps.from.replicas[at];
    if let Some(number) = lowest(messages) {
        deliver(steps, at, number);
    }
    if link == Link::Up && !listens && steps.setting.bounds.reads != Reads::Redis {
        steps.take(Actor::Listener(at), What::Subscribed, |state| state.replicas[at].listens = true);
    }
    if link == Link::Broken {
        notice(steps, at);
    }
    if matches!(link, Link::Down | Link::Starting) {
        let mut after = *steps.from;
        after.replicas[at].link = Link::Up;
        let row = after.row;
        steps.reach(&mut after, Milestone::Returned(at), row);
        steps.lead_to(Actor::Replica(at), What::Reconnected, after, None);
    }
    if matches!(slot, Slot::Copy(_)) && steps.setting.bounds.expiry {
        let marker = steps.setting.rules.marker;
        steps.take(Actor::Listener(at), What::CopyExpires, |state| state.replicas[at].set_slot(marker, Slot::Empty));
    }
    for number in (0..=super::super::state::MAX_NUMBER).filter(|number| messages & only(*number) != 0) {
        steps.fault(Fault::MessageLost, Actor::Listener(at), What::MessageLost, |state| {
            state.replicas[at].messages &= !only(number);
        });
    }
}

/// Messages arrive in the order in which they were published.
fn deliver(steps: &mut Steps<'_>, at: usize, number: Number) {
    let minds_gaps = steps.setting.rules.gap == Jump::EmptiesEverything;
    let what = match steps.from.replicas[at].applied {
        None => What::MessageIgnored,
        Some(applied) if number <= applied => What::MessageIgnored,
        Some(applied) if number == applied + 1 => What::MessageApplied,
        Some(_) if minds_gaps => What::GapSeen,
        Some(_) => What::GapNotMinded,
    };
    let marker = steps.setting.rules.marker;
    let ours = steps.from.ours & only(number) != 0;
    steps.take(Actor::Listener(at), what, |state| {
        let replica = &mut state.replicas[at];
        replica.messages &= !only(number);
        if what == What::MessageIgnored {
            return;
        }
        replica.applied = Some(number);
        if ours || what == What::GapSeen {
            replica.set_slot(marker, Slot::Empty);
        }
    });
}

/// Until it is noticed, replies that had arrived are handled as ever. Then whoever waits for one gives up.
fn notice(steps: &mut Steps<'_>, at: usize) {
    let mut after = *steps.from;
    after.replicas[at].link = Link::Down;
    for reader in &mut after.replicas[at].readers {
        if matches!(reader.phase, ReaderPhase::Boarding | ReaderPhase::Looking) {
            *reader = Reader::IDLE;
        }
    }
    stop_listening(steps, &mut after, at);
    gate::close_if(steps.setting.rules.broken_connection_closes, &mut after, at);
    steps.lead_to(Actor::Replica(at), What::BreakNoticed, after, None);
}

/// The listener's connection is no more: whoever waits for a number reads Postgres.
pub(super) fn stop_listening(steps: &Steps<'_>, state: &mut State, at: usize) {
    let replica = &mut state.replicas[at];
    (replica.listens, replica.look, replica.messages) = (false, None, 0);
    for reader in &mut replica.readers {
        if matches!(reader.phase, ReaderPhase::AskingSequence | ReaderPhase::Waiting) {
            *reader = Reader::IDLE;
        }
    }
    if steps.setting.rules.broken_listener == BrokenListener::ForgetsEverything {
        replica.applied = None;
        replica.set_slot(steps.setting.rules.marker, Slot::Empty);
    }
}
