//! A relay: takes rows of the outbox, runs its script, deletes the rows.
//!
//! A row that one relay has locked is skipped by the other. Any of the free rows may be old enough to be taken.

use super::{Steps, near, redis, writer};
use crate::replicas::event::{Actor, What};
use crate::replicas::process::Relay;
use crate::replicas::replica::Link;
use crate::replicas::rules::RelayRow;
use crate::replicas::state::{Number, Versions};

/// The steps of the relay of replica `at`.
pub(super) fn steps(steps: &mut Steps<'_>, at: usize) {
    let link = steps.from.replicas[at].link;
    match (steps.from.replicas[at].relay, link) {
        (Relay::Idle, Link::Up) => take_rows(steps, at),
        (Relay::Applying(rows), Link::Up) => apply(steps, at, rows),
        (Relay::Applying(_), Link::Down) => fail(steps, at),
        (Relay::Applied(rows, number), Link::Up | Link::Broken | Link::Starting) => delete(steps, at, rows, number),
        (Relay::Applied(rows, number), Link::Down) => {
            delete(steps, at, rows, number);
            fail(steps, at);
        }
        (Relay::Idle, _) | (Relay::Applying(_), Link::Broken | Link::Starting) => {}
    }
}

fn take_rows(steps: &mut Steps<'_>, at: usize) {
    let busy = steps.from.replicas.iter().filter(|replica| replica.relay != Relay::Idle).count();
    if busy == steps.setting.bounds.relays {
        return;
    }
    for rows in steps.from.free_rows().subsets() {
        let mut after = *steps.from;
        after.replicas[at].relay = Relay::Applying(rows);
        let what = match steps.setting.rules.relay_row {
            RelayRow::AfterTheReply => What::RowsTaken,
            RelayRow::BeforeApplying => {
                writer::delete_rows(steps, &mut after, rows);
                What::RowsDeletedFirst
            }
        };
        steps.lead_to(Actor::Relay(at), what, after, None);
    }
}

fn apply(steps: &mut Steps<'_>, at: usize, rows: Versions) {
    let rules = &steps.setting.rules;
    let mut after = *steps.from;
    let what = redis::invalidate(rules, &mut after, rows);
    after.replicas[at].relay = match rules.relay_row {
        RelayRow::AfterTheReply => Relay::Applied(rows, after.sequence.filter(|_| rules.relay_publishes)),
        RelayRow::BeforeApplying => Relay::Idle,
    };
    steps.lead_to(Actor::Relay(at), what, after, None);
}

/// The transaction is rolled back.
fn fail(steps: &mut Steps<'_>, at: usize) {
    steps.take(Actor::Relay(at), What::RelayFails, |state| state.replicas[at].relay = Relay::Idle);
}

fn delete(steps: &mut Steps<'_>, at: usize, rows: Versions, announced: Option<Number>) {
    let mut after = *steps.from;
    near::end_looks(steps, &mut after, announced, steps.setting.rules.waits_before_deleting_rows);
    after.replicas[at].relay = Relay::Idle;
    writer::delete_rows(steps, &mut after, rows);
    steps.lead_to(Actor::Relay(at), What::RowsDeleted, after, None);
}
