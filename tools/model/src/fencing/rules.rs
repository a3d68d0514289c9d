//! The protocol as a set of rules, each with what else one could do.
//!
//! There is one model of the steps; what a step does asks a rule. So a [variant](crate::fencing::variants) is the protocol with
//! some rules changed, and nothing else.

/// Before it loads, a reader that found nothing …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acquire {
    /// … takes a lease with `SET NX`.
    Lease,
    /// … does nothing.
    Nothing,
}

/// The load of a reader that asks for a lease starts …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoadStarts {
    /// … after the server's OK was read.
    AfterTheGrant,
    /// … at any time, to save a round trip.
    AtOnce,
}

/// A `SET NX` without an answer …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnansweredAcquire {
    /// … grants nothing: load, do not store.
    GrantsNothing,
    /// … is taken for a grant.
    Grants,
}

/// A fill stores …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fill {
    /// … if the cell still holds this very token.
    IfTokenIsThere,
    /// … unless the cell holds the same version or a newer one.
    IfNewer,
    /// … always.
    Always,
}

/// Whom a token names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Names {
    /// One fill or one transaction attempt.
    Attempt,
    /// The replica that makes it.
    Replica,
}

/// Whose flight a waiter joins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Join {
    /// One whose look, or whose statement, is not issued yet.
    BeforeIssue,
    /// Any of its key.
    AnyFlight,
}

/// When the fence is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FenceAt {
    /// With the row locks held and the rows changed, before COMMIT.
    AfterTheLock,
    /// In the transaction, before the row lock.
    BeforeTheLock,
    /// After the reply to COMMIT.
    AfterCommit,
    /// Not at all.
    Never,
}

/// What the fence's script does to the cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FenceDoes {
    /// Makes it this writer's fence, whatever it was.
    Overwrites,
    /// Makes it this writer's fence if it is absent.
    OnlyIfAbsent,
    /// Deletes it.
    Deletes,
    /// Stores the new version.
    StoresNewVersion,
}

/// What the lift's script does to the cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lift {
    /// Deletes whatever is there but another writer's fence.
    DeletesAllButOthersFence,
    /// Deletes this writer's fence only.
    DeletesOwnFence,
    /// Deletes whatever is there.
    DeletesAll,
    /// Stores the new version unless the cell holds the same or a newer one.
    StoresIfNewer,
    /// There is no lift.
    Never,
}

/// The write is answered …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// … after the lift's reply, or its failure.
    AfterTheLift,
    /// … after the reply to COMMIT.
    AfterCommit,
}

/// A writer that does not learn what became of its COMMIT …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnknownCommit {
    /// … leaves its fence to its TTL.
    LeavesTheFence,
    /// … lifts.
    Lifts,
}

/// A fence of which the writer does not know that it ran while its row locks were held, because it was not answered in
/// time or the transaction was gone when COMMIT came …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnsureFence {
    /// … is left to its TTL: the lift takes every fence for another writer's. It may have run late, over the fence of
    /// the next writer, and would be all that this one has.
    LeftToItsTtl,
    /// … is lifted like any other.
    Lifted,
}

/// A lift whose connection turns out to be broken …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokenLift {
    /// … is sent again on a new one.
    TriesAgain,
    /// … has failed.
    Fails,
}

/// What a value or a lease is good for: it reads as absent under another identity of Redis. A fence has none and always counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Identity {
    /// One time as the primary: the process and the replication id, which is new at each promotion.
    Mastership,
    /// The process, however often it was the primary.
    Process,
}

/// Where a load reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoadFrom {
    /// On the primary: a snapshot of what is committed.
    Primary,
    /// On a standby that may lag by one version.
    Standby,
}

/// All that a variant can change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// What a reader does before it loads.
    pub acquire: Acquire,
    /// When the load starts.
    pub load_starts: LoadStarts,
    /// What no answer to `SET NX` means.
    pub unanswered_acquire: UnansweredAcquire,
    /// Where it reads.
    pub load_from: LoadFrom,
    /// What a fill asks the cell.
    pub fill: Fill,
    /// Whom a lease's token names.
    pub lease_token: Names,
    /// Whom a fence's token names.
    pub fence_token: Names,
    /// Whose flight a waiter joins.
    pub join: Join,
    /// When the fence is made.
    pub fence_at: FenceAt,
    /// What it does.
    pub fence_does: FenceDoes,
    /// Whether the fence's TTL is longer than any transaction can be open, by its time-outs.
    pub fence_outlives_transactions: bool,
    /// What the lift does.
    pub lift: Lift,
    /// What becomes of a fence that may have run too late.
    pub unsure_fence: UnsureFence,
    /// What becomes of a lift on a broken connection.
    pub broken_lift: BrokenLift,
    /// When the write is answered.
    pub answer: Answer,
    /// What an unknown outcome of COMMIT leads to.
    pub unknown_commit: UnknownCommit,
    /// Whether leases have a TTL.
    pub lease_has_ttl: bool,
    /// Whether every key carries the `run_id` of its Redis, so that a restarted one is empty.
    pub keys_carry_run_id: bool,
    /// What values and leases are written under.
    pub identity: Identity,
}

impl Rules {
    /// The cell protocol.
    pub const OURS: Self = Self {
        acquire: Acquire::Lease,
        load_starts: LoadStarts::AfterTheGrant,
        unanswered_acquire: UnansweredAcquire::GrantsNothing,
        load_from: LoadFrom::Primary,
        fill: Fill::IfTokenIsThere,
        lease_token: Names::Attempt,
        fence_token: Names::Attempt,
        join: Join::BeforeIssue,
        fence_at: FenceAt::AfterTheLock,
        fence_does: FenceDoes::Overwrites,
        fence_outlives_transactions: true,
        lift: Lift::DeletesAllButOthersFence,
        unsure_fence: UnsureFence::LeftToItsTtl,
        broken_lift: BrokenLift::TriesAgain,
        answer: Answer::AfterTheLift,
        unknown_commit: UnknownCommit::LeavesTheFence,
        lease_has_ttl: true,
        keys_carry_run_id: true,
        identity: Identity::Mastership,
    };
}
