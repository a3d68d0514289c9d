//! What lies around the cell protocol, with one rule read otherwise. Each is a natural reading. Most are wrong; those that
//! are not, within what this model knows, are at the end.

mod common;

use aside_model::replicas::bounds::{Bounds, Fault, Faults};
use aside_model::replicas::event::What;
use aside_model::replicas::property::Promise;
use aside_model::replicas::variants::Variant;
use common::assert_order;
use common::replicas::{NEAR, RELAYED, assert_holds, assert_stale_with};

#[test]
fn without_a_look_a_copy_is_stale_until_the_message_arrives() {
    let trace = assert_stale_with(Variant::NoLook, Promise::Confirmed, &[], NEAR);

    assert_order(&trace, &[What::FenceSet, What::LiftFoundOwnFence, What::SlotAsked, What::CopyTaken]);
}

#[test]
fn a_look_that_was_in_the_air_says_nothing_of_a_later_write() {
    let trace = assert_stale_with(Variant::JoinsALookInTheAir, Promise::Confirmed, &[], NEAR);

    let wanted = [What::SequenceSeen, What::FenceSet, What::LiftFoundOwnFence, What::SequenceJoined, What::CopyTaken];
    assert_order(&trace, &wanted);
}

/// It has no notion of time: the end of the wait is the end of the looks. Here nobody waits.
#[test]
fn a_commit_that_does_not_wait_is_hidden_by_a_look_from_before_the_fence() {
    let trace = assert_stale_with(Variant::CommitsAtOnce, Promise::Confirmed, &[], NEAR);

    assert_order(&trace, &[What::FenceSet, What::LiftFoundOwnFence, What::LookReused, What::CopyTaken]);
}

/// The wait was over when the reply came.
#[test]
fn a_look_that_lives_from_its_reply_on_outlives_the_wait() {
    let trace = assert_stale_with(Variant::LookLivesFromItsReply, Promise::Confirmed, &[], NEAR);

    let wanted = [What::SequenceSeen, What::FenceSet, What::Committed, What::LookReused, What::CopyTaken];
    assert_order(&trace, &wanted);
}

#[test]
fn an_answer_that_does_not_wait_after_a_lost_fence_is_hidden_by_a_look_from_before_the_lift() {
    let trace = assert_stale_with(Variant::AnswersAtOnce, Promise::Confirmed, &[Fault::CellEvicted], NEAR);

    let wanted =
        [What::CellEvicted, What::LiftFoundNoFence, What::WaitedAndAnswered, What::LookReused, What::CopyTaken];
    assert_order(&trace, &wanted);
}

#[test]
fn a_relay_that_deletes_its_rows_at_once_calls_done_what_a_look_from_before_still_hides() {
    let bounds = Bounds { relays: 1, programs: 1, ..NEAR };

    let trace = assert_stale_with(Variant::RelayDeletesRowsAtOnce, Promise::Settled, &[], bounds);

    assert_order(&trace, &[What::ProgramCommits, What::RowsDeleted, What::LookReused, What::CopyTaken]);
}

#[test]
fn without_a_marker_an_old_value_is_kept_after_the_slot_was_emptied() {
    let trace = assert_stale_with(Variant::NoMarker, Promise::Confirmed, &[], NEAR);

    assert_order(&trace, &[What::FenceSet, What::MessageApplied, What::CopyKept, What::CopyTaken]);
}

/// The slot was emptied, and another read has put its marker there.
#[test]
fn a_marker_without_identity_is_taken_for_ones_own() {
    let trace = assert_stale_with(Variant::MarkerWithoutIdentity, Promise::Confirmed, &[], NEAR);

    assert_order(&trace, &[What::MarkerPlaced, What::NumberNotAppliedInTime, What::MarkerPlaced, What::CopyTaken]);
}

#[test]
fn a_value_loaded_under_a_fence_is_old_when_it_is_kept() {
    let trace = assert_stale_with(Variant::KeepsWhatWasNotStored, Promise::Confirmed, &[], NEAR);

    assert_order(&trace, &[What::LookFindsFence, What::AnswersFromRow, What::Committed, What::CopyTaken]);
}

/// `invalidation_message_lost`: the next message is another cell's and empties nothing here.
#[test]
fn a_gap_that_is_not_minded_leaves_a_stale_copy_when_a_message_is_lost() {
    let bounds = Bounds { others: 1, ..NEAR };

    let trace = assert_stale_with(Variant::GapIgnored, Promise::Confirmed, &[Fault::MessageLost], bounds);

    assert_order(&trace, &[What::MessageLost, What::GapNotMinded, What::CopyTaken]);
}

#[test]
fn a_jump_that_empties_nothing_leaves_a_stale_copy() {
    let trace = assert_stale_with(Variant::JumpsWithoutEmptying, Promise::Confirmed, &[], NEAR);

    assert_order(&trace, &[What::FenceSet, What::NumberNotAppliedInTime, What::CopyTaken]);
}

/// Whoever has applied 1 long ago finds nothing missing.
#[test]
fn a_sequence_that_starts_at_one_again_hides_what_was_not_applied() {
    let faults = [Fault::SequenceEvicted];

    let trace =
        assert_stale_with(Variant::SequenceStartsAtOne, Promise::Confirmed, &faults, Bounds { versions: 2, ..NEAR });

    assert_order(&trace, &[What::FenceSet, What::SequenceEvicted, What::SequenceStarted, What::CopyTaken]);
}

#[test]
fn a_missing_sequence_is_not_zero() {
    let trace = assert_stale_with(Variant::MissingSequenceIsZero, Promise::Confirmed, &[Fault::SequenceEvicted], NEAR);

    assert_order(
        &trace,
        &[What::FenceSet, What::LiftFoundOwnFence, What::SequenceEvicted, What::SequenceSeen, What::CopyTaken],
    );
}

/// It is right while lifts are confirmed; what a fence is for, it does not give.
#[test]
fn a_write_that_is_published_with_its_lift_is_stale_when_its_writer_dies() {
    let variant = Variant::PublishesAtTheLift;
    assert_holds(variant, Promise::Confirmed, Bounds { faults: 1, ..NEAR });

    let trace = assert_stale_with(variant, Promise::Ended, &[Fault::WriterDies], NEAR);

    assert_order(&trace, &[What::FenceSet, What::Committed, What::WriterDies, What::SequenceSeen, What::CopyTaken]);
}

/// What came in place of the fence is deleted in Redis, and stays in the near cache.
#[test]
fn a_lost_fence_that_is_not_published_leaves_a_stale_copy() {
    let trace = assert_stale_with(Variant::LostFenceIsSilent, Promise::Confirmed, &[Fault::CellEvicted], NEAR);

    assert_order(&trace, &[What::FenceSet, What::CellEvicted, What::FillStored, What::LiftSilent, What::CopyTaken]);
}

/// Its load may have begun before the commit.
#[test]
fn a_relay_that_skips_leases_lets_an_old_value_in_after_it() {
    let trace = assert_stale_with(Variant::RelaySkipsLeases, Promise::Settled, &[], RELAYED);

    let wanted =
        [What::AnswersAndFills, What::ProgramCommits, What::RelayLeavesLease, What::RowsDeleted, What::FillStored];
    assert_order(&trace, &wanted);
}

#[test]
fn a_relay_that_deletes_its_rows_first_loses_them_when_it_dies() {
    let variant = Variant::RelayDeletesRowsFirst;
    assert_stale_with(variant, Promise::Settled, &[], RELAYED);

    // Of one's own write, the row is all that tells after a failed lift: the gate has opened, and nothing was applied.
    let bounds = Bounds { programs: 0, ..RELAYED };
    let trace = assert_stale_with(variant, Promise::Answered, &[Fault::CutOff], bounds);

    assert_order(&trace, &[What::RowsDeletedFirst, What::LiftFails, What::GateOpens, What::AnswersWithValue]);
}

#[test]
fn a_relay_that_does_not_publish_leaves_stale_copies() {
    let bounds = Bounds { relays: 1, programs: 1, ..NEAR };

    let trace = assert_stale_with(Variant::RelayIsSilent, Promise::Settled, &[], bounds);

    assert_order(&trace, &[What::CopyKept, What::ProgramCommits, What::RowsDeleted, What::CopyTaken]);
}

/// The fence of a row's own writer may have been set late, over the next writer's, and be all that this one has.
#[test]
fn a_relay_that_deletes_the_fence_of_the_rows_writer_takes_the_next_writers_protection() {
    let bounds = Bounds { programs: 0, versions: 2, ..RELAYED };

    let trace = assert_stale_with(Variant::RelayDeletesOwnFence, Promise::Fenced, &[Fault::FenceUnanswered], bounds);

    let wanted = [What::FenceUnanswered, What::FenceSet, What::LateFence, What::RelayDeletesFence, What::FillStored];
    assert_order(&trace, &wanted);
}

#[test]
fn a_relay_that_deletes_any_fence_leaves_a_write_without_one() {
    let bounds = Bounds { programs: 0, versions: 2, ..RELAYED };

    let trace = assert_stale_with(Variant::RelayDeletesAnyFence, Promise::Fenced, &[], bounds);

    assert_order(&trace, &[What::FenceSet, What::RelayDeletesFence, What::Committed, What::FillStored]);
}

#[test]
fn a_row_that_its_writer_deletes_after_a_failed_lift_is_nobodys_business_any_more() {
    let bounds = Bounds { programs: 0, ..RELAYED };

    let trace = assert_stale_with(Variant::OwnRowAfterFailedLift, Promise::Settled, &[Fault::CutOff], bounds);

    assert_order(&trace, &[What::LiftFails, What::OwnRowDeleted, What::AnswersWithValue]);
}

/// The look was issued while nothing was to be believed, and handled after the relay had made it so.
#[test]
fn a_gate_that_is_asked_only_when_the_reply_is_handled_is_asked_too_late() {
    let variant = Variant::GateAskedAtReplyOnly;
    let bounds = Bounds { programs: 0, ..RELAYED };

    let trace = assert_stale_with(variant, Promise::Answered, &[Fault::CutOff], bounds);

    assert_order(
        &trace,
        &[What::LiftFails, What::LookIssued, What::LookFindsValue, What::RowsDeleted, What::GateOpens],
    );
}

/// As above, with a look at the sequence, which is still good, in place of one at the cell.
#[test]
fn a_gate_that_is_asked_only_when_a_copy_is_taken_is_asked_too_late() {
    let variant = Variant::GateAskedAtReplyOnly;
    let bounds = Bounds { readers: 1, relays: 1, ..NEAR };
    let faults = [Fault::FenceUnanswered, Fault::LiftUnanswered];

    let trace = assert_stale_with(variant, Promise::Answered, &faults, bounds);

    let wanted = [What::LiftUnanswered, What::LookReused, What::RowsDeleted, What::GateOpens, What::CopyTaken];
    assert_order(&trace, &wanted);
}

/// The flight has found it open; who joins comes after a write that has closed it.
#[test]
fn a_gate_that_is_asked_when_the_flight_begins_is_not_asked_for_those_who_join() {
    let bounds = Bounds { programs: 0, ..RELAYED };
    let faults = [Fault::FenceUnanswered, Fault::LiftUnanswered];

    let trace = assert_stale_with(Variant::GateAskedAtTheBeginning, Promise::Answered, &faults, bounds);

    assert_order(&trace, &[What::FlightBegins, What::LiftUnanswered, What::LookIssued, What::LookFindsValue]);
}

#[test]
fn a_gate_that_does_not_wait_for_the_outbox_opens_to_ones_own_stale_write() {
    let bounds = Bounds { programs: 0, ..RELAYED };

    let trace = assert_stale_with(Variant::GateOpensAtOnce, Promise::Answered, &[Fault::CutOff], bounds);

    assert_order(&trace, &[What::LiftFails, What::GateOpens, What::AnswersWithValue]);
}

/// What was written while Redis was out of reach is in the outbox only afterwards.
#[test]
fn rows_looked_up_before_redis_is_back_are_not_all() {
    let variant = Variant::GateWaitsForEarlierRows;

    let trace = assert_stale_with(variant, Promise::Returned, &[Fault::CutOff], RELAYED);

    assert_order(&trace, &[What::BreakNoticed, What::GateOpens, What::Reconnected, What::AnswersWithValue]);
}

#[test]
fn a_failed_lift_that_leaves_the_gate_open_is_stale_to_its_own_caller() {
    let bounds = Bounds { programs: 0, ..RELAYED };
    let faults = [Fault::FenceUnanswered, Fault::LiftUnanswered];

    let trace = assert_stale_with(Variant::FailedLiftLeavesGateOpen, Promise::Answered, &faults, bounds);

    assert_order(&trace, &[What::FenceUnanswered, What::GateOpens, What::LiftUnanswered, What::AnswersWithValue]);
}

#[test]
fn a_broken_connection_that_leaves_the_gate_open_shows_what_went_by_meanwhile() {
    let variant = Variant::BrokenConnectionLeavesGateOpen;

    let trace = assert_stale_with(variant, Promise::Returned, &[Fault::CutOff], RELAYED);

    assert_order(&trace, &[What::BreakNoticed, What::Reconnected, What::AnswersWithValue]);
}

#[test]
fn a_process_that_starts_with_the_gate_open_forgets_its_failed_lift() {
    let bounds = Bounds { programs: 0, ..RELAYED };
    let faults = [Fault::CutOff, Fault::ReplicaDies];

    let trace = assert_stale_with(Variant::StartsWithGateOpen, Promise::Answered, &faults, bounds);

    assert_order(&trace, &[What::LiftFails, What::ReplicaDies, What::Reconnected, What::AnswersWithValue]);
}

// Not wrong, within what this model knows.

/// Whoever began before the gate closed is owed nothing of the write that closed it. The service asks again all the same:
/// what it no longer believes it need not answer.
#[test]
fn a_gate_asked_when_a_look_is_issued_needs_no_second_question() {
    let variant = Variant::GateAskedAtIssueOnly;

    assert_holds(variant, Promise::Contract, Bounds { faults: 2, ..RELAYED });
    assert_holds(variant, Promise::Contract, Bounds { faults: 1, readers: 1, relays: 1, programs: 1, ..NEAR });
}

/// What matters is the lift: if it is confirmed, everything is gone; if it fails, the gate is closed before the answer.
#[test]
fn a_failed_fence_may_leave_the_gate_open() {
    let variant = Variant::FailedFenceLeavesGateOpen;

    assert_holds(variant, Promise::Contract, Bounds { faults: 2, ..RELAYED });
    assert_holds(variant, Promise::Contract, Bounds { faults: 1, readers: 1, relays: 1, programs: 1, ..NEAR });
}

/// The next look shows what was missed: a sequence never says a number twice. Forgetting costs nothing and is plainer.
#[test]
fn a_listener_whose_connection_broke_need_not_forget() {
    let variant = Variant::BrokenListenerGoesOn;

    let kinds = Faults::only(&[Fault::ListenerBreaks, Fault::Restart]);
    assert_holds(variant, Promise::Contract, Bounds { faults: 1, kinds, others: 1, ..NEAR });
}

/// Nothing can have gone by the connections that reads and writes use.
#[test]
fn a_broken_listener_may_leave_the_gate_open() {
    let variant = Variant::BrokenListenerLeavesGateOpen;

    assert_holds(variant, Promise::Contract, Bounds { faults: 1, ..NEAR });
    assert_holds(variant, Promise::Contract, Bounds { faults: 1, readers: 1, relays: 1, programs: 1, ..NEAR });
}
