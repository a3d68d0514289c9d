//! The cell protocol itself: what it promises without a fault, with one, with two; and where it ends.

#![allow(clippy::print_stdout, reason = "the size of a search is told")]

mod common;

use aside_model::fencing::bounds::{Bounds, Fault, Faults};
use aside_model::fencing::event::What;
use aside_model::fencing::property::Promise;
use aside_model::fencing::variants::Variant;
use common::assert_order;
use common::fencing::{PLAIN, assert_holds, assert_stale_with};

const OURS: Variant = Variant::Ours;

/// Steps that only a variant takes, and evictions that are no fault where the same thing may expire.
const NOT_OURS: [What; 11] = [
    What::LookFindsNothingAndLoads,
    What::LoadsBeforeTheGrant,
    What::TransactionBegins,
    What::RowLocked,
    What::FenceSentAfterCommit,
    What::AnsweredBeforeLift,
    What::AnsweredWithoutLift,
    What::LiftConnectionBroken,
    What::SnapshotSaved,
    What::LeaseEvicted,
    What::ValueEvicted,
];

/// From the instant COMMIT is applied no read that begins returns anything older, so reads never go back either.
#[test]
fn without_faults_every_read_sees_every_commit() {
    let many = Bounds { readers: 3, writers: 3, versions: 3, ..Bounds::SMALL };
    let refreshing = Bounds { readers: 3, refresh: true, ..Bounds::SMALL };

    assert_holds(OURS, Promise::Committed, many);
    assert_holds(OURS, Promise::Committed, refreshing);
    assert_holds(OURS, Promise::Observed, refreshing);
}

/// Any fault, a crash between COMMIT and lift too: once the write has ended, answered or not, nobody gets the old row.
#[test]
fn with_one_fault_every_read_sees_every_write_that_ended() {
    let many = Bounds { readers: 3, faults: 1, ..Bounds::SMALL };
    let refreshing = Bounds { refresh: true, faults: 1, ..Bounds::SMALL };

    assert_holds(OURS, Promise::Ended, many);
    assert_holds(OURS, Promise::Ended, refreshing);
}

/// Any two faults. The death of a replica and the fail-over are left to the search with fewer readers, for its time.
#[test]
fn with_two_faults_every_read_sees_every_write_whose_lift_was_confirmed() {
    let many = Bounds {
        readers: 3,
        faults: 2,
        kinds: Faults::all_but(&[Fault::ReplicaDies, Fault::FailsBack]),
        ..Bounds::SMALL
    };

    assert_holds(OURS, Promise::Confirmed, many);
}

/// Any two faults of all. A guard against a search of nothing is in it: every kind of step must have been taken.
#[test]
fn with_two_faults_and_early_refreshes_too() {
    let refreshing = Bounds { refresh: true, faults: 2, ..Bounds::SMALL };

    let report = assert_holds(OURS, Promise::Confirmed, refreshing);

    for what in What::ALL {
        let times = report.coverage.times(*what);
        println!("{times:>10}  {what:?}");
        assert_eq!(times > 0, !NOT_OURS.contains(what), "{what:?}");
    }
}

/// While fences last, it does not matter at all whether lifts arrive.
#[test]
fn with_any_two_faults_that_spare_the_fence_every_read_sees_every_commit() {
    let kinds = Faults::all_but(&Fault::LOSES_A_FENCE);
    let bounds = Bounds { faults: 2, kinds, ..Bounds::SMALL };

    assert_holds(OURS, Promise::Committed, bounds);
    assert_holds(OURS, Promise::Observed, bounds);
}

/// While lifts arrive, it does not matter at all whether fences last.
#[test]
fn with_any_two_faults_that_spare_the_lift_every_read_sees_every_write_that_ended() {
    let kinds = Faults::all_but(&Fault::LOSES_A_LIFT);
    let bounds = Bounds { faults: 2, kinds, refresh: true, ..Bounds::SMALL };

    assert_holds(OURS, Promise::Ended, bounds);
}

/// Where the cell protocol ends: a fence gone *and* its lift gone. The writer knows that its lift failed; closing the
/// gate and the outbox are there for this pair, and for nothing less.
#[test]
fn a_lost_fence_and_a_lost_lift_together_are_left_to_the_outbox() {
    for lost_fence in Fault::LOSES_A_FENCE {
        let faults = [lost_fence, Fault::LiftUnanswered];

        let trace = assert_stale_with(OURS, Promise::Answered, &faults);

        assert_order(&trace, &[What::CommitApplied, What::LiftUnanswered, What::LookHits]);
    }
}

/// A lost fence lets reads go back in time *before* the write is answered, and only a lost fence does.
#[test]
fn before_the_answer_reads_go_back_only_when_a_fence_is_lost() {
    for kind in Fault::ALL {
        if Fault::LOSES_A_FENCE.contains(&kind) {
            assert_stale_with(OURS, Promise::Observed, &[kind]);
        } else {
            let bounds = Bounds { faults: 1, kinds: Faults::only(&[kind]), ..PLAIN };
            assert_holds(OURS, Promise::Observed, bounds);
        }
    }
}
