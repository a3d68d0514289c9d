//! Every variant held against every promise: how few faults break it. A model that became too weak would lose a `0`
//! or a `1` of this table, one that became too strong would lose a `-`.

mod common;

use aside_model::fencing::bounds::Bounds;
use aside_model::fencing::property::Promise;
use aside_model::fencing::variants::Variant;
use aside_model::model::Violation;
use common::fencing::search;

/// One sign for each of [`Promise::ALL`]: `0` is broken without a fault, `1` by one, `-` not by any one fault.
const TABLE: [(Variant, &str); Variant::ALL.len()] = [
    //                                         Confirmed, Answered, Ended, Committed, Observed
    (Variant::Ours, "---11"),
    (Variant::PlainCacheAside, "00000"),
    (Variant::DeleteBeforeCommit, "00000"),
    (Variant::VersionCompareAndSet, "00000"),
    (Variant::LeasesAlone, "-1100"),
    (Variant::LiftDeletesOnlyItsOwnFence, "11111"),
    (Variant::LiftDeletesAnyFence, "-1100"),
    (Variant::LoadStartsBeforeTheGrant, "00000"),
    (Variant::UnansweredAcquireGrants, "11111"),
    (Variant::LoadsFromAStandby, "00000"),
    (Variant::LeaseNamesTheReplica, "00000"),
    (Variant::FenceNamesTheReplica, "-1100"),
    (Variant::JoinsAnyFlight, "00000"),
    (Variant::FenceBeforeTheLock, "-1100"),
    (Variant::FenceAfterCommit, "--100"),
    (Variant::FenceOnlyIfAbsent, "-1100"),
    (Variant::StoresBeforeCommit, "00000"),
    (Variant::FenceShorterThanTransaction, "-1100"),
    (Variant::AnswersBeforeTheLift, "11111"),
    (Variant::LiftsAfterUnknownCommit, "--111"),
    (Variant::LiftsAnUnsureFence, "---11"),
    (Variant::LiftGivesUpOnABrokenConnection, "-1111"),
    (Variant::LeaseWithoutTtl, "11111"),
    (Variant::KeysWithoutRunId, "11111"),
    (Variant::IdentityIsTheProcess, "11111"),
];

#[test]
fn confirmed_writes() {
    check_column(Promise::Confirmed);
}

#[test]
fn answered_writes() {
    check_column(Promise::Answered);
}

#[test]
fn ended_writes() {
    check_column(Promise::Ended);
}

#[test]
fn committed_writes() {
    check_column(Promise::Committed);
}

#[test]
fn observed_values() {
    check_column(Promise::Observed);
}

fn check_column(promise: Promise) {
    let column = Promise::ALL.iter().position(|one| *one == promise).expect("all are there");
    for (variant, row) in TABLE {
        let wanted = row.chars().nth(column).expect("five signs");
        assert_eq!(fewest_faults(variant, promise), wanted, "{variant:?}, {promise:?}");
    }
}

fn fewest_faults(variant: Variant, promise: Promise) -> char {
    for (faults, sign) in [(0, '0'), (1, '1')] {
        let bounds = Bounds { faults, ..Bounds::SMALL };
        if let Some(violation) = search(variant, promise, bounds).violation() {
            assert_eq!(violation, kind_of(variant), "{variant:?}, {promise:?}");
            return sign;
        }
    }
    '-'
}

fn kind_of(variant: Variant) -> Violation {
    match variant {
        Variant::StoresBeforeCommit => Violation::Invented,
        Variant::LeaseWithoutTtl => Violation::Stuck,
        _ => Violation::Stale,
    }
}
