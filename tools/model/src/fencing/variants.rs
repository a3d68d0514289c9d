//! Other protocols, and natural readings of ours that are wrong.

use crate::fencing::rules::{
    Acquire, Answer, BrokenLift, FenceAt, FenceDoes, Fill, Identity, Join, Lift, LoadFrom, LoadStarts, Names, Rules,
    UnansweredAcquire, UnknownCommit, UnsureFence,
};

/// The protocol, other protocols, and wrong readings of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// The cell protocol.
    Ours,
    /// Look, load, store; write, commit, delete.
    PlainCacheAside,
    /// The key is deleted inside the transaction. Even with leases.
    DeleteBeforeCommit,
    /// Each store is a compare-and-set on the version, the writer's after COMMIT too.
    VersionCompareAndSet,
    /// Leases, and a delete after COMMIT.
    LeasesAlone,
    /// A lift deletes its own fence and nothing else.
    LiftDeletesOnlyItsOwnFence,
    /// A lift deletes another writer's fence too.
    LiftDeletesAnyFence,
    /// The load does not wait for the answer to `SET NX`.
    LoadStartsBeforeTheGrant,
    /// A `SET NX` without an answer is taken for a grant.
    UnansweredAcquireGrants,
    /// The load reads a standby.
    LoadsFromAStandby,
    /// A lease's token names the replica.
    LeaseNamesTheReplica,
    /// A fence's token names the replica.
    FenceNamesTheReplica,
    /// A waiter joins any flight of its key.
    JoinsAnyFlight,
    /// The fence comes before the row lock.
    FenceBeforeTheLock,
    /// The fence comes after COMMIT.
    FenceAfterCommit,
    /// The fence leaves alone what is in the cell.
    FenceOnlyIfAbsent,
    /// The new version is stored before COMMIT.
    StoresBeforeCommit,
    /// A transaction can be open longer than its fence lives.
    FenceShorterThanTransaction,
    /// The write is answered before the lift.
    AnswersBeforeTheLift,
    /// A writer that does not know what became of its COMMIT lifts.
    LiftsAfterUnknownCommit,
    /// A fence that may have run too late is lifted all the same.
    LiftsAnUnsureFence,
    /// A lift on a broken connection is not tried again on a new one.
    LiftGivesUpOnABrokenConnection,
    /// Leases have no TTL.
    LeaseWithoutTtl,
    /// Keys do not carry the `run_id`.
    KeysWithoutRunId,
    /// Values and leases carry the process of their Redis alone.
    IdentityIsTheProcess,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Ours,
        Self::PlainCacheAside,
        Self::DeleteBeforeCommit,
        Self::VersionCompareAndSet,
        Self::LeasesAlone,
        Self::LiftDeletesOnlyItsOwnFence,
        Self::LiftDeletesAnyFence,
        Self::LoadStartsBeforeTheGrant,
        Self::UnansweredAcquireGrants,
        Self::LoadsFromAStandby,
        Self::LeaseNamesTheReplica,
        Self::FenceNamesTheReplica,
        Self::JoinsAnyFlight,
        Self::FenceBeforeTheLock,
        Self::FenceAfterCommit,
        Self::FenceOnlyIfAbsent,
        Self::StoresBeforeCommit,
        Self::FenceShorterThanTransaction,
        Self::AnswersBeforeTheLift,
        Self::LiftsAfterUnknownCommit,
        Self::LiftsAnUnsureFence,
        Self::LiftGivesUpOnABrokenConnection,
        Self::LeaseWithoutTtl,
        Self::KeysWithoutRunId,
        Self::IdentityIsTheProcess,
    ];

    /// Its rules: those of the protocol but for the ones named here.
    #[must_use]
    pub fn rules(self) -> Rules {
        let mut rules = Rules::OURS;
        match self {
            Self::Ours => {}
            Self::PlainCacheAside => {
                (rules.acquire, rules.fill) = (Acquire::Nothing, Fill::Always);
                rules.fence_at = FenceAt::Never;
            }
            Self::DeleteBeforeCommit => {
                (rules.fence_does, rules.lift) = (FenceDoes::Deletes, Lift::Never);
            }
            Self::VersionCompareAndSet => {
                (rules.acquire, rules.fill) = (Acquire::Nothing, Fill::IfNewer);
                (rules.fence_at, rules.lift) = (FenceAt::Never, Lift::StoresIfNewer);
            }
            Self::LeasesAlone => rules.fence_at = FenceAt::Never,
            Self::LiftDeletesOnlyItsOwnFence => rules.lift = Lift::DeletesOwnFence,
            Self::LiftDeletesAnyFence => rules.lift = Lift::DeletesAll,
            Self::LoadStartsBeforeTheGrant => rules.load_starts = LoadStarts::AtOnce,
            Self::UnansweredAcquireGrants => rules.unanswered_acquire = UnansweredAcquire::Grants,
            Self::LoadsFromAStandby => rules.load_from = LoadFrom::Standby,
            Self::LeaseNamesTheReplica => rules.lease_token = Names::Replica,
            Self::FenceNamesTheReplica => rules.fence_token = Names::Replica,
            Self::JoinsAnyFlight => rules.join = Join::AnyFlight,
            Self::FenceBeforeTheLock => rules.fence_at = FenceAt::BeforeTheLock,
            Self::FenceAfterCommit => rules.fence_at = FenceAt::AfterCommit,
            Self::FenceOnlyIfAbsent => rules.fence_does = FenceDoes::OnlyIfAbsent,
            Self::StoresBeforeCommit => rules.fence_does = FenceDoes::StoresNewVersion,
            Self::FenceShorterThanTransaction => rules.fence_outlives_transactions = false,
            Self::AnswersBeforeTheLift => rules.answer = Answer::AfterCommit,
            Self::LiftsAfterUnknownCommit => rules.unknown_commit = UnknownCommit::Lifts,
            Self::LiftsAnUnsureFence => rules.unsure_fence = UnsureFence::Lifted,
            Self::LiftGivesUpOnABrokenConnection => rules.broken_lift = BrokenLift::Fails,
            Self::LeaseWithoutTtl => rules.lease_has_ttl = false,
            Self::KeysWithoutRunId => rules.keys_carry_run_id = false,
            Self::IdentityIsTheProcess => rules.identity = Identity::Process,
        }
        rules
    }
}
