//! The rules of the near cache, the outbox, the relay and the gate, each with what else one could do.

/// A near read uses …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// … a look at the sequence that is issued after the read has arrived, or is still good then.
    IssuedAfterArrival,
    /// … also one that is in the air already.
    InTheAir,
    /// … none: it trusts the messages.
    None,
}

/// For how long a look is good for reads that arrive after it was issued. Whoever announces something waits as long before it
/// goes on, so what counts is from when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LookLife {
    /// From before it was issued.
    FromIssue,
    /// From its reply.
    FromReply,
}

/// What a read that finds no copy leaves in the slot, to know later whether it may keep what it found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marker {
    /// A marker that only this read knows again.
    OfThisRead,
    /// A marker like any other.
    WithoutIdentity,
    /// Nothing: it keeps what it found.
    None,
}

/// What is kept in the slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// What was found in Redis or stored there.
    WhatRedisHeld,
    /// What was loaded under somebody's lease or a fence, or whose fill was rejected, too.
    WhateverWasLoaded,
}

/// What a message leads to whose number is not the next one, and a number that is not applied in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Jump {
    /// Everything is emptied.
    EmptiesEverything,
    /// Only what the message names.
    EmptiesNothingElse,
}

/// A missing sequence …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MissingSequence {
    /// … is started above every number ever used, by whoever needs it.
    StartsAboveAll,
    /// … is 0 to a look, and started above every number by the next fence.
    IsZeroToALook,
    /// … starts again at 1.
    StartsAtOne,
}

/// A listener whose connection broke …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokenListener {
    /// … empties all slots and knows no number until a look on a new connection.
    ForgetsEverything,
    /// … goes on where it was.
    GoesOn,
}

/// What the relay's script does to a fence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RelayFence {
    /// Leaves it.
    Left,
    /// Deletes the one of the row's own writer.
    OwnDeleted,
    /// Deletes any.
    Deleted,
}

/// A row of the outbox is deleted by the relay …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RelayRow {
    /// … after the script's reply.
    AfterTheReply,
    /// … before the script is sent.
    BeforeApplying,
}

/// When the gate is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GateAsked {
    /// When a look is issued, and again when its reply is handled or a copy is taken.
    AtIssueAndReply,
    /// Only when a reply is handled or a copy is taken.
    AtReply,
    /// Only when a look is issued.
    AtIssue,
    /// When a flight begins; whoever joins before its look is issued does not ask again.
    AtTheBeginning,
}

/// A closed gate opens …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GateOpens {
    /// … when the rows are gone that the outbox held after Redis could be reached again.
    WhenRowsAreGone,
    /// … the same, but the outbox may have been looked at while Redis was out of reach.
    WhenRowsAreGoneThatWereSeenAnyTime,
    /// … when Redis can be reached.
    AtOnce,
}

/// A writer deletes its own row of the outbox …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OwnRow {
    /// … if its lift was confirmed.
    AfterConfirmedLift,
    /// … after any lift.
    AfterAnyLift,
}

/// All that a variant can change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule that is followed or not")]
pub struct Rules {
    /// Which look at the sequence will do.
    pub look: Look,
    /// From when a look is good for later reads.
    pub look_life: LookLife,
    /// Whether a writer waits, after its fence, until looks that were issued before are over.
    pub waits_before_commit: bool,
    /// Whether it does after a lift that did not find its fence.
    pub waits_before_answer: bool,
    /// Whether the relay does before it deletes its rows.
    pub waits_before_deleting_rows: bool,
    /// What a read leaves in the slot.
    pub marker: Marker,
    /// What is kept.
    pub keep: Keep,
    /// What a gap in the messages leads to.
    pub gap: Jump,
    /// What a number leads to that is not applied in time.
    pub late: Jump,
    /// What becomes of a missing sequence.
    pub missing_sequence: MissingSequence,
    /// What a broken listener forgets.
    pub broken_listener: BrokenListener,
    /// Whether a fence is counted and published; where it is not, every lift is.
    pub fence_is_published: bool,
    /// Whether a lift that does not find its own fence publishes.
    pub lost_fence_is_published: bool,
    /// Whether the relay's script deletes leases.
    pub relay_deletes_leases: bool,
    /// What it does to fences.
    pub relay_fence: RelayFence,
    /// Whether it publishes.
    pub relay_publishes: bool,
    /// When it deletes a row.
    pub relay_row: RelayRow,
    /// When a writer deletes its own row.
    pub own_row: OwnRow,
    /// When the gate is asked.
    pub gate_asked: GateAsked,
    /// When it opens.
    pub gate_opens: GateOpens,
    /// Whether a failed fence closes it.
    pub failed_fence_closes: bool,
    /// Whether a failed lift does.
    pub failed_lift_closes: bool,
    /// Whether broken connections do.
    pub broken_connection_closes: bool,
    /// Whether a broken connection of the listener alone does.
    pub broken_listener_closes: bool,
    /// Whether a new process begins with it closed.
    pub closed_at_start: bool,
}

impl Rules {
    /// The protocol.
    pub const OURS: Self = Self {
        look: Look::IssuedAfterArrival,
        look_life: LookLife::FromIssue,
        waits_before_commit: true,
        waits_before_answer: true,
        waits_before_deleting_rows: true,
        marker: Marker::OfThisRead,
        keep: Keep::WhatRedisHeld,
        gap: Jump::EmptiesEverything,
        late: Jump::EmptiesEverything,
        missing_sequence: MissingSequence::StartsAboveAll,
        broken_listener: BrokenListener::ForgetsEverything,
        fence_is_published: true,
        lost_fence_is_published: true,
        relay_deletes_leases: true,
        relay_fence: RelayFence::Left,
        relay_publishes: true,
        relay_row: RelayRow::AfterTheReply,
        own_row: OwnRow::AfterConfirmedLift,
        gate_asked: GateAsked::AtIssueAndReply,
        gate_opens: GateOpens::WhenRowsAreGone,
        failed_fence_closes: true,
        failed_lift_closes: true,
        broken_connection_closes: true,
        broken_listener_closes: true,
        closed_at_start: true,
    };
}
