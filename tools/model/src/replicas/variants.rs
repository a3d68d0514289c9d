//! Natural readings of the protocol that differ in one rule.

use super::rules::{
    BrokenListener, GateAsked, GateOpens, Jump, Keep, Look, LookLife, Marker, MissingSequence, OwnRow, RelayFence,
    RelayRow, Rules,
};

/// The protocol, and other readings of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// The protocol.
    Ours,
    /// A near read trusts the messages: no look at the sequence.
    NoLook,
    /// A look is good for a time from its reply on.
    LookLivesFromItsReply,
    /// A writer does not wait before COMMIT until older looks are over.
    CommitsAtOnce,
    /// A writer whose fence was lost does not wait before its answer.
    AnswersAtOnce,
    /// The relay does not wait before it deletes its rows.
    RelayDeletesRowsAtOnce,
    /// A near read takes the number of a look that is in the air already.
    JoinsALookInTheAir,
    /// What a read found is kept whatever has happened to the slot.
    NoMarker,
    /// A read keeps what it found if any marker is in the slot.
    MarkerWithoutIdentity,
    /// What was loaded is kept although it was not stored.
    KeepsWhatWasNotStored,
    /// A gap in the messages empties nothing.
    GapIgnored,
    /// A number that was not applied in time is jumped to, and nothing is emptied.
    JumpsWithoutEmptying,
    /// A missing sequence starts again at 1.
    SequenceStartsAtOne,
    /// A missing sequence is 0 to a look.
    MissingSequenceIsZero,
    /// Not the fence is published, but the lift.
    PublishesAtTheLift,
    /// A lift that does not find its own fence does not publish.
    LostFenceIsSilent,
    /// A broken listener empties nothing and goes on where it was.
    BrokenListenerGoesOn,
    /// The relay leaves leases.
    RelaySkipsLeases,
    /// The relay deletes the fence of a row's own writer.
    RelayDeletesOwnFence,
    /// The relay deletes any fence.
    RelayDeletesAnyFence,
    /// The relay does not publish.
    RelayIsSilent,
    /// The relay deletes its rows before it applies them.
    RelayDeletesRowsFirst,
    /// A writer deletes its own row after a failed lift too.
    OwnRowAfterFailedLift,
    /// The gate is asked when a reply is handled or a copy is taken, and not when the look is issued.
    GateAskedAtReplyOnly,
    /// The gate is asked when a look is issued, and not again.
    GateAskedAtIssueOnly,
    /// The gate is asked when a flight begins, which others join until its look is issued.
    GateAskedAtTheBeginning,
    /// The gate opens without waiting for the outbox.
    GateOpensAtOnce,
    /// The rows to wait for may have been looked up while Redis was out of reach.
    GateWaitsForEarlierRows,
    /// A failed fence leaves the gate open.
    FailedFenceLeavesGateOpen,
    /// A failed lift leaves the gate open.
    FailedLiftLeavesGateOpen,
    /// Broken connections leave the gate open.
    BrokenConnectionLeavesGateOpen,
    /// A broken connection of the listener leaves the gate open.
    BrokenListenerLeavesGateOpen,
    /// A new process begins with the gate open.
    StartsWithGateOpen,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::Ours,
        Self::NoLook,
        Self::LookLivesFromItsReply,
        Self::CommitsAtOnce,
        Self::AnswersAtOnce,
        Self::RelayDeletesRowsAtOnce,
        Self::JoinsALookInTheAir,
        Self::NoMarker,
        Self::MarkerWithoutIdentity,
        Self::KeepsWhatWasNotStored,
        Self::GapIgnored,
        Self::JumpsWithoutEmptying,
        Self::SequenceStartsAtOne,
        Self::MissingSequenceIsZero,
        Self::PublishesAtTheLift,
        Self::LostFenceIsSilent,
        Self::BrokenListenerGoesOn,
        Self::RelaySkipsLeases,
        Self::RelayDeletesOwnFence,
        Self::RelayDeletesAnyFence,
        Self::RelayIsSilent,
        Self::RelayDeletesRowsFirst,
        Self::OwnRowAfterFailedLift,
        Self::GateAskedAtReplyOnly,
        Self::GateAskedAtIssueOnly,
        Self::GateAskedAtTheBeginning,
        Self::GateOpensAtOnce,
        Self::GateWaitsForEarlierRows,
        Self::FailedFenceLeavesGateOpen,
        Self::FailedLiftLeavesGateOpen,
        Self::BrokenConnectionLeavesGateOpen,
        Self::BrokenListenerLeavesGateOpen,
        Self::StartsWithGateOpen,
    ];

    /// Its rules: those of the protocol but for the one named here.
    #[must_use]
    pub fn rules(self) -> Rules {
        let mut rules = Rules::OURS;
        match self {
            Self::Ours => {}
            Self::NoLook => rules.look = Look::None,
            Self::LookLivesFromItsReply => rules.look_life = LookLife::FromReply,
            Self::CommitsAtOnce => rules.waits_before_commit = false,
            Self::AnswersAtOnce => rules.waits_before_answer = false,
            Self::RelayDeletesRowsAtOnce => rules.waits_before_deleting_rows = false,
            Self::JoinsALookInTheAir => rules.look = Look::InTheAir,
            Self::NoMarker => rules.marker = Marker::None,
            Self::MarkerWithoutIdentity => rules.marker = Marker::WithoutIdentity,
            Self::KeepsWhatWasNotStored => rules.keep = Keep::WhateverWasLoaded,
            Self::GapIgnored => rules.gap = Jump::EmptiesNothingElse,
            Self::JumpsWithoutEmptying => rules.late = Jump::EmptiesNothingElse,
            Self::SequenceStartsAtOne => rules.missing_sequence = MissingSequence::StartsAtOne,
            Self::MissingSequenceIsZero => rules.missing_sequence = MissingSequence::IsZeroToALook,
            Self::PublishesAtTheLift => rules.fence_is_published = false,
            Self::LostFenceIsSilent => rules.lost_fence_is_published = false,
            Self::BrokenListenerGoesOn => rules.broken_listener = BrokenListener::GoesOn,
            Self::RelaySkipsLeases => rules.relay_deletes_leases = false,
            Self::RelayDeletesOwnFence => rules.relay_fence = RelayFence::OwnDeleted,
            Self::RelayDeletesAnyFence => rules.relay_fence = RelayFence::Deleted,
            Self::RelayIsSilent => rules.relay_publishes = false,
            Self::RelayDeletesRowsFirst => rules.relay_row = RelayRow::BeforeApplying,
            Self::OwnRowAfterFailedLift => rules.own_row = OwnRow::AfterAnyLift,
            Self::GateAskedAtReplyOnly => rules.gate_asked = GateAsked::AtReply,
            Self::GateAskedAtIssueOnly => rules.gate_asked = GateAsked::AtIssue,
            Self::GateAskedAtTheBeginning => rules.gate_asked = GateAsked::AtTheBeginning,
            Self::GateOpensAtOnce => rules.gate_opens = GateOpens::AtOnce,
            Self::GateWaitsForEarlierRows => rules.gate_opens = GateOpens::WhenRowsAreGoneThatWereSeenAnyTime,
            Self::FailedFenceLeavesGateOpen => rules.failed_fence_closes = false,
            Self::FailedLiftLeavesGateOpen => rules.failed_lift_closes = false,
            Self::BrokenConnectionLeavesGateOpen => rules.broken_connection_closes = false,
            Self::BrokenListenerLeavesGateOpen => rules.broken_listener_closes = false,
            Self::StartsWithGateOpen => rules.closed_at_start = false,
        }
        rules
    }
}
