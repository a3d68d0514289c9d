//! The names of the steps, for traces and for coverage.

use crate::kind::steps;

/// Who takes a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// The reader of this number.
    Reader(usize),
    /// The writer of this number.
    Writer(usize),
    /// A command that nobody waits for.
    Stray(usize),
    /// Redis by itself.
    Redis,
    /// The process that all readers and writers are in.
    Replica,
}

steps! {
    // Readers.
    ReadArrives: "begins a read: its look is issued",
    LookHits: "looks: a value, and answers with it",
    LookHitsAndRefreshes: "looks: a value, answers with it and goes to refresh it",
    LookFindsNothing: "looks: absent, sends SET NX",
    LookFindsNothingAndLoads: "looks: absent, issues its statement",
    LookFindsLease: "looks: somebody's lease, waits",
    LookFindsFence: "looks: a fence, issues its statement and will not store",
    LooksAgain: "has slept, looks again",
    GivesUpWaiting: "has waited enough, issues its statement and will not store",
    LoadsBeforeTheGrant: "has the row's snapshot taken before SET NX is answered",
    LeaseGranted: "gets the lease",
    LeaseRefused: "does not get the lease, waits",
    RefreshGranted: "puts its refresh token into the value",
    RefreshRefused: "finds another value or token there, refreshes nothing",
    StatementIssued: "has read the OK and issues its statement",
    SnapshotTaken: "has its statement's snapshot taken",
    AnswersFromLoad: "reads the row and answers with it; it will not store",
    AnswersAndFills: "reads the row, answers with it, sends the fill",
    RefreshLoaded: "reads the row again, sends the fill",
    FillStored: "has its fill stored",
    FillRejected: "has its fill rejected",
    // Writers.
    TransactionBegins: "begins a transaction, sends the fence",
    RowLocked: "has the row lock and has changed the row",
    RowLockedFenceSent: "has the row lock, has changed the row, sends the fence",
    FenceOnNothing: "has its fence script run on nothing",
    FenceOnValue: "has its fence script run on a value",
    FenceOnLease: "has its fence script run on a lease",
    FenceOnFence: "has its fence script run on a fence",
    CommitSent: "sends COMMIT",
    RollsBack: "rolls back",
    CommitApplied: "has its COMMIT applied: the row is new, the lock is free",
    FenceSentAfterCommit: "reads the reply to COMMIT, sends the fence",
    LiftSent: "sends the lift",
    AnsweredBeforeLift: "answers its caller, sends the lift",
    AnsweredWithoutLift: "answers its caller",
    LiftConnectionBroken: "finds its connection broken: no lift, and is done",
    LiftFoundOwnFence: "has its lift run on its own fence, and is done",
    LiftFoundOthersFence: "has its lift run on another's fence, and is done",
    LiftFoundValue: "has its lift run on a value, and is done",
    LiftFoundLease: "has its lift run on a lease, and is done",
    LiftFoundNothing: "has its lift run on nothing, and is done",
    OrphanCommitted: "is gone, but its COMMIT is applied",
    OrphanAborted: "is gone, and its transaction is rolled back",
    // Redis.
    ValueExpires: "the value reaches its end",
    LeaseExpires: "the lease reaches its end",
    FenceExpires: "the fence reaches its end",
    SnapshotSaved: "writes a snapshot of its data",
    RedisFailsBack: "fails back to the first server; commands on their way are lost, connections break",
    // Faults.
    ValueEvicted: "FAULT: the value is evicted",
    LeaseEvicted: "FAULT: the lease is evicted",
    FenceEvicted: "FAULT: the fence is evicted",
    RedisRestarts: "FAULT: restarts; commands on their way are lost, connections break",
    RedisFailsOver: "FAULT: fails over to the other server; commands on their way are lost, connections break",
    AcquireUnanswered: "FAULT: gets no answer to SET NX, issues its statement; the command is still on its way",
    FenceUnanswered: "FAULT: gets no answer to the fence, goes on; the command is still on its way",
    CommitUnanswered: "FAULT: gets no answer to COMMIT, answers 503",
    LiftUnanswered: "FAULT: gets no answer to the lift, answers its caller; the command is still on its way",
    TransactionTimesOut: "FAULT: has its transaction ended by a time-out",
    ReaderDies: "FAULT: dies with a lease in its hands",
    WriterDies: "FAULT: dies",
    ReplicaDies: "FAULT: dies with all its readers and writers",
    // Commands that arrive late.
    LateAcquireSet: "a late SET NX makes a lease that nobody will fill",
    LateAcquireRefused: "a late SET NX finds something there",
    LateFence: "a late fence script runs",
    LateLiftDeleted: "a late lift script runs and deletes",
    LateLiftLeft: "a late lift script runs and leaves what is there",
}
