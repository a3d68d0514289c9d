//! The readers, the writers, and the commands that have outlived whoever sent them.
//!
//! How they go from phase to phase is in [`crate::fencing::steps`].

use crate::fencing::cell::{Token, Version};

/// How far a reader is. "On its way" covers the command, its execution not yet done, and what led to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ReaderPhase {
    /// Between two reads.
    Idle,
    /// The look is on its way.
    Looking,
    /// The look found somebody's lease.
    Waiting,
    /// `SET NX` of a lease is on its way.
    Acquiring,
    /// As `Acquiring`, with the row read already. Only where the load does not wait for the grant.
    AcquiringLoaded,
    /// The script that puts a refresh token into the value is on its way. The read is answered already.
    Claiming,
    /// The cell holds this reader's token; its statement is not issued.
    Granted,
    /// The statement is issued and has no snapshot yet.
    Loading,
    /// The rows of `version` are on their way back.
    Loaded,
    /// The fill is on its way. The read is answered already.
    Filling,
}

/// One reader, and with it whoever joined its flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reader {
    /// How far it is.
    pub phase: ReaderPhase,
    /// Under which token it may store; [`Token::NONE`] when it may not.
    pub token: Token,
    /// What it has loaded, or what it saw and wants to refresh.
    pub version: Version,
    /// What its answer must not be older than: `State::floor` when the read began, or when the last one joined.
    pub floor: Version,
    /// A refresh: nobody waits for the answer.
    pub silent: bool,
}

impl Reader {
    /// A reader between two reads.
    pub const IDLE: Self = Self { phase: ReaderPhase::Idle, token: Token::NONE, version: 0, floor: 0, silent: false };
}

/// How far the process of a writer is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WriterPhase {
    /// Between two writes.
    Idle,
    /// The fence is on its way.
    Fencing,
    /// The fence's reply is there (or was given up); COMMIT, ROLLBACK or the lock is next.
    Ready,
    /// COMMIT is sent and its reply not handled; whether it is applied is what [`Transaction`] says.
    Committing,
    /// The reply to COMMIT or ROLLBACK is on its way.
    Ended,
    /// The lift is on its way.
    Lifting,
    /// The process is dead or has given up; its transaction is still open in Postgres.
    Gone,
}

/// What Postgres knows of a writer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Transaction {
    /// Nothing, or nothing any more.
    None,
    /// Open, without the row lock. Only where the fence comes before the lock.
    Begun,
    /// Holds the row lock, has changed the row.
    Locked,
    /// Holds the row lock, and COMMIT is on its way.
    CommitSent,
}

impl Transaction {
    /// Whether no other transaction can have the row lock.
    #[must_use]
    pub fn holds_lock(self) -> bool {
        matches!(self, Self::Locked | Self::CommitSent)
    }
}

/// One writer: its process and its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Writer {
    /// How far its process is.
    pub phase: WriterPhase,
    /// How far Postgres is.
    pub transaction: Transaction,
    /// Its fence's token.
    pub token: Token,
    /// What it has committed and not yet answered for; 0 when nothing.
    pub version: Version,
    /// Its transaction was open when the fence in the cell was made, so that fence outlives it.
    pub guarded: bool,
    /// Its connection to Redis is broken and it has not noticed. Only where a lift is not tried again.
    pub broken: bool,
}

impl Writer {
    /// A writer between two writes.
    pub const IDLE: Self = Self {
        phase: WriterPhase::Idle,
        transaction: Transaction::None,
        token: Token::NONE,
        version: 0,
        guarded: false,
        broken: false,
    };
}

/// A command whose sender waits no longer. It arrives at any later time, or never.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum StrayKind {
    /// An empty slot.
    None,
    /// `SET NX` of a lease.
    Acquire,
    /// A fence.
    Fence,
    /// A lift.
    Lift,
}

/// One stray command with its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stray {
    /// Which command.
    pub kind: StrayKind,
    /// Its token.
    pub token: Token,
    /// The version it carries, where a variant's command carries one.
    pub version: Version,
}

impl Stray {
    /// An empty slot.
    pub const EMPTY: Self = Self { kind: StrayKind::None, token: Token::NONE, version: 0 };
}
