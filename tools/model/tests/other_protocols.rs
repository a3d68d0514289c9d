//! The protocols that applications run instead, and the fault that each of them is known for.

mod common;

use aside_model::fencing::bounds::{Bounds, Fault};
use aside_model::fencing::event::What;
use aside_model::fencing::property::Promise;
use aside_model::fencing::variants::Variant;
use aside_model::model::Violation;
use common::assert_order;
use common::fencing::{PLAIN, assert_holds, assert_stale_with, search};

/// The article's code. The reader's old row comes into the cell after the delete, and stays for its whole TTL.
#[test]
fn late_fill_after_invalidate() {
    let trace = assert_stale_with(Variant::PlainCacheAside, Promise::Confirmed, &[]);

    assert_order(&trace, &[What::SnapshotTaken, What::CommitApplied, What::FillStored, What::LookHits]);
    assert_order(&trace, &[What::LiftFoundNothing, What::FillStored]);
}

#[test]
fn delete_before_commit_lets_the_old_row_back_in() {
    let trace = assert_stale_with(Variant::DeleteBeforeCommit, Promise::Confirmed, &[]);

    assert_order(&trace, &[What::SnapshotTaken, What::CommitApplied, What::LookHits]);
}

/// There is nothing to compare with once the newer version is gone.
#[test]
fn version_compare_and_set_trusts_an_empty_cell() {
    let trace = assert_stale_with(Variant::VersionCompareAndSet, Promise::Confirmed, &[Fault::Eviction]);

    assert_order(&trace, &[What::CommitApplied, What::ValueEvicted, What::FillStored, What::LookHits]);
}

#[test]
fn version_compare_and_set_needs_no_fault_once_values_expire() {
    let bounds = Bounds { expiry: true, ..PLAIN };

    let report = search(Variant::VersionCompareAndSet, Promise::Confirmed, bounds);

    assert_eq!(report.violation(), Some(Violation::Stale));
}

/// Every protocol without an outbox or a fence has this one.
#[test]
fn crash_after_commit() {
    let trace = assert_stale_with(Variant::LeasesAlone, Promise::Ended, &[Fault::WriterDies]);

    assert_order(&trace, &[What::CommitApplied, What::WriterDies, What::LookHits]);
}

#[test]
fn leases_alone_are_stale_when_the_delete_is_lost() {
    let trace = assert_stale_with(Variant::LeasesAlone, Promise::Answered, &[Fault::LiftUnanswered]);

    assert_order(&trace, &[What::CommitApplied, What::LiftUnanswered, What::LookHits]);
}

#[test]
fn leases_alone_let_reads_go_back_in_time() {
    assert_stale_with(Variant::LeasesAlone, Promise::Observed, &[]);
}

/// What leases do give. A model that found a fault here would find one everywhere.
#[test]
fn leases_alone_are_exact_when_every_delete_arrives() {
    let bounds = Bounds { faults: 2, ..PLAIN };

    assert_holds(Variant::LeasesAlone, Promise::Confirmed, bounds);
}
