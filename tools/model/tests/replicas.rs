//! What lies around the cell protocol: what it promises without a fault, with one, with two; and where it ends.

#![allow(clippy::print_stdout, reason = "how often each step was taken is told")]

mod common;

use aside_model::replicas::bounds::{Bounds, Fault, Faults, Reads};
use aside_model::replicas::event::What;
use aside_model::replicas::property::Promise;
use aside_model::replicas::variants::Variant;
use common::assert_order;
use common::replicas::{assert_holds, assert_stale_with};

const OURS: Variant = Variant::Ours;

/// Near reads, writers of ours, nothing else.
const NEAR: Bounds = Bounds { relays: 0, ..Bounds::SMALL };
/// Reads from Redis, writers of ours, a relay, another program.
const RELAYED: Bounds = Bounds { reads: Reads::Redis, programs: 1, ..Bounds::SMALL };
/// One near read at a time, writers of ours, a relay, another program.
const ALL_TOGETHER: Bounds = Bounds { readers: 1, programs: 1, ..Bounds::SMALL };

/// Steps that only a variant takes.
const NOT_OURS: [What; 9] = [
    What::FlightBegins,
    What::SequenceJoined,
    What::SlotAsked,
    What::AnswersFromRow,
    What::LiftSilent,
    What::RowsDeletedFirst,
    What::RelayLeavesLease,
    What::RelayDeletesFence,
    What::GapNotMinded,
];

/// A near read is as good as one from Redis: it sees every commit from the instant it is applied, and reads never go back.
#[test]
fn without_faults_near_reads_see_every_commit() {
    let twice = Bounds { versions: 2, ..NEAR };

    assert_holds(OURS, Promise::Committed, twice);
    assert_holds(OURS, Promise::Observed, NEAR);
}

/// Other programs too, once the relay is done, in either mode and in both side by side.
#[test]
fn without_faults_the_contract_holds_in_every_mode() {
    for reads in Reads::ALL {
        assert_holds(OURS, Promise::Contract, Bounds { reads, readers: 2, ..ALL_TOGETHER });
    }
}

#[test]
fn with_one_fault_the_contract_holds_for_near_reads_at_once() {
    assert_holds(OURS, Promise::Contract, Bounds { faults: 1, ..NEAR });
}

#[test]
fn with_one_fault_the_contract_holds_with_everything_together() {
    assert_holds(OURS, Promise::Contract, Bounds { faults: 1, ..ALL_TOGETHER });
}

/// What the relay publishes, held against near reads at once.
#[test]
fn a_dying_relay_and_lost_messages_leave_the_contract_to_near_reads() {
    let kinds = Faults::only(&[Fault::RelayDies, Fault::MessageLost]);

    assert_holds(OURS, Promise::Contract, Bounds { faults: 1, kinds, readers: 2, ..ALL_TOGETHER });
}

#[test]
fn with_two_faults_the_contract_holds_in_redis() {
    assert_holds(OURS, Promise::Contract, Bounds { faults: 2, ..RELAYED });
}

#[test]
fn two_relays_that_die_leave_the_contract() {
    let kinds = Faults::only(&[Fault::RelayDies]);
    let bounds = Bounds { faults: 2, kinds, relays: 2, versions: 2, ..RELAYED };

    assert_holds(OURS, Promise::Contract, bounds);
}

/// Whatever goes missing of the cell, the sequence and the messages, two at a time.
#[test]
fn with_two_losses_the_contract_holds_for_near_reads() {
    let kinds = Faults::only(&[Fault::CellEvicted, Fault::SequenceEvicted, Fault::Flush, Fault::MessageLost]);

    assert_holds(OURS, Promise::Contract, Bounds { faults: 2, kinds, ..NEAR });
}

/// A crash between COMMIT and lift too. An outage is left to the relay.
#[test]
fn with_one_fault_but_an_outage_near_reads_see_every_write_that_ended() {
    let kinds = Faults::all_but(&[Fault::CutOff, Fault::Restart]);

    assert_holds(OURS, Promise::Ended, Bounds { faults: 1, kinds, ..NEAR });
}

/// A fence that was answered and is not lost keeps every old value out from COMMIT on, whoever dies and whatever becomes
/// of lifts, messages and relays.
#[test]
fn while_a_fence_lasts_every_read_sees_its_write_from_its_commit_on() {
    let kinds = Faults::all_but(&Fault::LOSES_A_FENCE);

    assert_holds(OURS, Promise::Fenced, Bounds { faults: 1, kinds, ..NEAR });
    assert_holds(OURS, Promise::Fenced, Bounds { faults: 2, kinds, programs: 0, ..RELAYED });
}

/// The bound of what is promised: one replica without Redis, and a read at another before a relay was there.
#[test]
fn a_write_answered_in_an_outage_is_stale_elsewhere_until_the_relay_is_done() {
    let bounds = Bounds { expiry: false, ..NEAR };

    let trace = assert_stale_with(OURS, Promise::Ended, &[Fault::CutOff], bounds);

    assert_order(&trace, &[What::CutOff, What::FenceFails, What::Committed, What::LiftFails, What::CopyTaken]);
    assert_holds(OURS, Promise::Contract, Bounds { faults: 1, kinds: Faults::only(&[Fault::CutOff]), ..bounds });
}

/// A guard against a search of nothing: every kind of step must have been taken.
#[test]
fn every_step_is_taken() {
    let searches = [
        Bounds { faults: 1, others: 1, kinds: Faults::only(&[Fault::MessageLost]), ..NEAR },
        Bounds { faults: 1, ..ALL_TOGETHER },
        Bounds { faults: 1, ..RELAYED },
    ];

    let reports = searches.map(|bounds| assert_holds(OURS, Promise::Contract, bounds));

    for what in What::ALL {
        let times: u64 = reports.iter().map(|report| report.coverage.times(*what)).sum();
        println!("{times:>10}  {what:?}");
        assert_eq!(times > 0, !NOT_OURS.contains(what), "{what:?}");
    }
}
