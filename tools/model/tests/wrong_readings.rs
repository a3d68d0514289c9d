//! The protocol with one rule read otherwise. Each is a natural reading, and each is wrong.

mod common;

use aside_model::fencing::bounds::{Bounds, Fault};
use aside_model::fencing::event::What;
use aside_model::fencing::property::Promise;
use aside_model::fencing::variants::Variant;
use aside_model::model::Violation;
use common::assert_order;
use common::fencing::{PLAIN, assert_holds, assert_stale_with, search};

#[test]
fn a_lift_that_deletes_only_its_own_fence_leaves_a_stale_fill_after_an_eviction() {
    let variant = Variant::LiftDeletesOnlyItsOwnFence;

    let trace = assert_stale_with(variant, Promise::Confirmed, &[Fault::Eviction]);

    assert_order(&trace, &[What::FenceEvicted, What::FillStored, What::LiftFoundValue, What::LookHits]);
}

#[test]
fn a_lift_that_deletes_anothers_fence_leaves_that_write_without_one() {
    let variant = Variant::LiftDeletesAnyFence;

    assert_stale_with(variant, Promise::Observed, &[]);
    let trace = assert_stale_with(variant, Promise::Answered, &[Fault::LiftUnanswered]);

    assert_order(&trace, &[What::LiftFoundOthersFence, What::CommitApplied, What::LiftUnanswered]);
}

#[test]
fn a_load_that_starts_before_the_grant_is_stale_without_any_fault() {
    let trace = assert_stale_with(Variant::LoadStartsBeforeTheGrant, Promise::Confirmed, &[]);

    assert_order(&trace, &[What::LoadsBeforeTheGrant, What::CommitApplied, What::LeaseGranted]);
}

#[test]
fn a_lease_without_an_answer_taken_for_a_grant_is_stale() {
    let variant = Variant::UnansweredAcquireGrants;

    let trace = assert_stale_with(variant, Promise::Confirmed, &[Fault::AcquireUnanswered]);

    assert_order(&trace, &[What::SnapshotTaken, What::LateAcquireSet, What::FillStored]);
}

#[test]
fn a_load_from_a_standby_is_stale_without_any_fault() {
    assert_stale_with(Variant::LoadsFromAStandby, Promise::Confirmed, &[]);
}

/// One client, two fills, one token: the first one's late store is taken for the second one's.
#[test]
fn lease_reused_by_its_owner() {
    let trace = assert_stale_with(Variant::LeaseNamesTheReplica, Promise::Confirmed, &[]);

    assert_order(&trace, &[What::LeaseGranted, What::CommitApplied, What::LeaseGranted, What::FillStored]);
}

#[test]
fn a_fence_that_names_the_replica_is_lifted_by_another_write() {
    let variant = Variant::FenceNamesTheReplica;

    assert_stale_with(variant, Promise::Observed, &[]);
    let trace = assert_stale_with(variant, Promise::Answered, &[Fault::LiftUnanswered]);

    assert_order(&trace, &[What::FenceOnFence, What::LiftFoundOwnFence, What::LiftUnanswered]);
}

#[test]
fn joining_a_dead_flight() {
    let trace = assert_stale_with(Variant::JoinsAnyFlight, Promise::Confirmed, &[]);

    let last = trace.steps.last().expect("a trace has a step").0.what;
    assert_order(&trace, &[What::SnapshotTaken, What::CommitApplied]);
    assert!(matches!(last, What::AnswersFromLoad | What::AnswersAndFills), "{trace}");
}

#[test]
fn a_fence_before_the_lock_is_stale_with_a_lost_lift() {
    let variant = Variant::FenceBeforeTheLock;

    let trace = assert_stale_with(variant, Promise::Answered, &[Fault::LiftUnanswered]);

    assert_order(&trace, &[What::FenceOnFence, What::RowLocked, What::FillStored, What::LiftUnanswered]);
}

#[test]
fn a_fence_before_the_lock_lets_reads_go_back_in_time() {
    assert_stale_with(Variant::FenceBeforeTheLock, Promise::Observed, &[]);
}

#[test]
fn a_fence_after_commit_lets_reads_go_back_in_time() {
    assert_stale_with(Variant::FenceAfterCommit, Promise::Observed, &[]);
}

#[test]
fn a_fence_after_commit_is_stale_when_the_writer_dies_before_it() {
    let trace = assert_stale_with(Variant::FenceAfterCommit, Promise::Ended, &[Fault::WriterDies]);

    assert_order(&trace, &[What::CommitApplied, What::WriterDies, What::LookHits]);
}

/// The fence that was made keeps the old value out as well as ours does; it takes a lost fence too.
#[test]
fn a_fence_after_commit_is_not_stale_with_a_lost_lift_alone() {
    let faults = [Fault::FenceUnanswered, Fault::LiftUnanswered];

    assert_stale_with(Variant::FenceAfterCommit, Promise::Answered, &faults);
}

#[test]
fn a_fence_that_spares_what_is_there_is_no_fence() {
    let variant = Variant::FenceOnlyIfAbsent;

    assert_stale_with(variant, Promise::Observed, &[]);
    assert_stale_with(variant, Promise::Answered, &[Fault::LiftUnanswered]);
}

#[test]
fn storing_the_new_version_before_commit_invents_values() {
    let report = search(Variant::StoresBeforeCommit, Promise::Confirmed, PLAIN);

    assert_eq!(report.violation(), Some(Violation::Invented));
}

#[test]
fn a_fence_shorter_than_its_transaction_is_stale_with_a_lost_lift() {
    let variant = Variant::FenceShorterThanTransaction;

    let with_expiry = |faults| Bounds { faults, expiry: true, ..PLAIN };
    assert_holds(variant, Promise::Answered, with_expiry(0));
    let report = search(variant, Promise::Answered, with_expiry(1));

    assert_eq!(report.violation(), Some(Violation::Stale));
}

#[test]
fn an_answer_before_the_lift_is_stale_after_an_eviction() {
    let variant = Variant::AnswersBeforeTheLift;

    assert_stale_with(variant, Promise::Confirmed, &[Fault::Eviction]);
}

#[test]
fn a_lift_after_an_unknown_commit_lets_the_old_row_in() {
    let variant = Variant::LiftsAfterUnknownCommit;

    let trace = assert_stale_with(variant, Promise::Ended, &[Fault::CommitUnanswered]);

    assert_order(&trace, &[What::CommitUnanswered, What::LiftFoundOwnFence, What::OrphanCommitted]);
}

/// The first writer's transaction times out while its fence is on its way. The fence runs over the second writer's, so
/// the first one's lift takes away all that the second one had.
#[test]
fn a_lift_of_a_fence_that_ran_too_late_takes_the_next_writers_fence_with_it() {
    let variant = Variant::LiftsAnUnsureFence;
    assert_stale_with(variant, Promise::Observed, &[Fault::TransactionTimesOut]);

    let faults = [Fault::TransactionTimesOut, Fault::LiftUnanswered];
    let trace = assert_stale_with(variant, Promise::Answered, &faults);

    assert_order(&trace, &[What::TransactionTimesOut, What::FenceOnFence, What::LiftFoundOwnFence, What::FillStored]);
}

/// One restart takes both: the fence from Redis, and the lift with the connection.
#[test]
fn a_lift_that_gives_up_on_a_broken_connection_is_stale_after_a_restart() {
    let variant = Variant::LiftGivesUpOnABrokenConnection;

    let trace = assert_stale_with(variant, Promise::Answered, &[Fault::Restart]);

    assert_order(&trace, &[What::RedisRestarts, What::FillStored, What::LiftConnectionBroken]);
}

#[test]
fn a_lease_without_a_ttl_is_stuck_when_its_holder_dies() {
    let variant = Variant::LeaseWithoutTtl;
    assert_holds(variant, Promise::Confirmed, PLAIN);

    let report = search(variant, Promise::Confirmed, Bounds { faults: 1, ..PLAIN });

    assert_eq!(report.violation(), Some(Violation::Stuck));
}

#[test]
fn keys_without_the_run_id_come_back_from_an_old_snapshot() {
    let variant = Variant::KeysWithoutRunId;

    let trace = assert_stale_with(variant, Promise::Confirmed, &[Fault::Restart]);

    assert_order(&trace, &[What::SnapshotSaved, What::LiftFoundOwnFence, What::RedisRestarts]);
}

/// The process has not changed, so its old values count again.
#[test]
fn values_of_a_former_primary_count_again_when_the_identity_is_the_process() {
    let variant = Variant::IdentityIsTheProcess;

    let trace = assert_stale_with(variant, Promise::Confirmed, &[Fault::FailsBack]);

    let fails_over_and_back = [What::FillStored, What::RedisFailsOver, What::CommitApplied, What::RedisFailsBack];
    assert_order(&trace, &fails_over_and_back);
    assert_order(&trace, &[What::RedisFailsBack, What::LookHits]);
}
