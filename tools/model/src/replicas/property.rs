//! What is promised around the cell protocol. As there, a read that begins now must not answer with a version older than
//! its replica's [`floor`](super::replica::Replica::floor), and the promises differ in what raises the floor.

use super::state::{REPLICAS, State, Version};

/// What raises the floor, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// A write that was answered after its lift was confirmed, everywhere.
    Confirmed,
    /// Those; and a write that was answered after a failed lift, at its own replica.
    Answered,
    /// A write whose row of the outbox was deleted, by whoever, everywhere. Writes of other programs too.
    Settled,
    /// What was committed when a replica's connections to Redis came back, or its process began anew, at that replica.
    Returned,
    /// The four above. This is what the service promises: the last two bound what is not exact in time.
    Contract,
    /// A write of ours that was answered, or ended by the death of its writer, everywhere.
    Ended,
    /// A committed write whose fence was answered, everywhere, from the instant of its COMMIT.
    Fenced,
    /// Any committed write of ours, everywhere, from the instant of its COMMIT.
    Committed,
    /// What an earlier read has answered, everywhere: reads never go back in time.
    Observed,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Confirmed,
        Self::Answered,
        Self::Settled,
        Self::Returned,
        Self::Contract,
        Self::Ended,
        Self::Fenced,
        Self::Committed,
        Self::Observed,
    ];
}

/// Something that may raise a floor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Milestone {
    /// COMMIT of a writer of ours was applied.
    Committed {
        /// Its fence was answered before.
        fenced: bool,
    },
    /// The writer of a committed version is gone without an answer.
    Ended,
    /// The write was answered after its lift's reply.
    Confirmed,
    /// The write was answered by this replica, and its lift was not.
    Unconfirmed(usize),
    /// The row of the outbox is gone.
    Settled,
    /// The connections of this replica are up again.
    Returned(usize),
    /// A read was answered.
    Observed,
}

/// Raises the floors to `version` that the promise raises at this milestone.
pub(super) fn reach(state: &mut State, promise: Promise, milestone: Milestone, version: Version) {
    use Promise as P;
    let everywhere = 0..REPLICAS;
    let nowhere = 0..0;
    let raised = match (milestone, promise) {
        (Milestone::Committed { .. }, P::Committed)
        | (Milestone::Committed { fenced: true }, P::Fenced)
        | (Milestone::Ended | Milestone::Unconfirmed(_), P::Ended)
        | (Milestone::Confirmed, P::Confirmed | P::Answered | P::Contract | P::Ended)
        | (Milestone::Settled, P::Settled | P::Contract)
        | (Milestone::Observed, P::Observed) => everywhere,
        (Milestone::Unconfirmed(at), P::Answered | P::Contract)
        | (Milestone::Returned(at), P::Returned | P::Contract) => at..at + 1,
        _ => nowhere,
    };
    for replica in &mut state.replicas[raised] {
        replica.floor = replica.floor.max(version);
    }
}
