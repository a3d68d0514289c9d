//! The names of the steps, for traces and for coverage.

use crate::kind::steps;

/// Who takes a step. Replicas and what is in them by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// The reader of this number in the replica of that number.
    Reader(usize, usize),
    /// The writer of this replica.
    Writer(usize),
    /// The relay of this replica.
    Relay(usize),
    /// The listener of this replica.
    Listener(usize),
    /// The gate of this replica.
    Gate(usize),
    /// The whole replica.
    Replica(usize),
    /// A command that nobody waits for.
    Stray(usize),
    /// Redis by itself.
    Redis,
    /// Another program, straight in Postgres.
    Program,
    /// A writer of another cell.
    Other,
}

steps! {
    // Reads.
    FlightBegins: "begins a flight, finds the gate open",
    SequenceAsked: "begins a read: its look at the sequence is issued",
    SequenceJoined: "begins a read: takes the number of a look that was in the air",
    LookReused: "begins a read by a look that is still good",
    SlotAsked: "begins a read in the near cache",
    LookIssued: "begins a read: its look at the cell is issued",
    SequenceSeen: "has its look at the sequence run",
    SequenceStarted: "has its look at the sequence run, which starts it",
    NumberNotAppliedInTime: "has waited enough: everything is emptied, the number is jumped to",
    FirstNumber: "knows the first number of this connection: everything is emptied, the number is jumped to",
    CopyTaken: "finds a copy in its slot and answers with it",
    MarkerPlaced: "finds no copy, places its marker, issues its look at the cell",
    NotBelieved: "does not believe: reads Postgres, keeps nothing",
    LookFindsValue: "has its look run: a value",
    LeaseTaken: "has its look run: absent, takes the lease",
    LookFindsLease: "has its look run: somebody's lease; reads Postgres and will not store",
    LookFindsFence: "has its look run: a fence; reads Postgres and will not store",
    AnswersWithValue: "reads the reply and answers with it",
    AnswersAndKeeps: "reads the reply, answers with it, keeps a copy",
    AnswersAndFills: "reads the row, answers with it, sends the fill",
    AnswersFromRow: "reads the row, answers with it",
    FillStored: "has its fill stored",
    FillRejected: "has its fill rejected",
    CopyKept: "finds its marker in the slot, keeps a copy",
    CopyNotKept: "does not find its marker in the slot, keeps nothing",
    CopyExpires: "a copy reaches its end",
    // Writes.
    FenceSent: "has the row lock and has changed the row, sends the fence",
    FenceSet: "has its fence set, counted and published",
    FenceFails: "has no connection for its fence",
    Committed: "has waited until older looks are over, has its COMMIT applied, sends the lift",
    LiftFoundOwnFence: "has its lift run on its own fence, and answers",
    LiftFoundNoFence: "has its lift run, its fence is not there any more; counted and published",
    WaitedAndAnswered: "has waited until older looks are over, and answers",
    LiftSilent: "has its lift run, its fence is not there any more, and answers",
    LiftFails: "has no connection for its lift, and answers",
    OrphanCommitted: "is gone, but its COMMIT is applied",
    OrphanAborted: "is gone, and its transaction is rolled back",
    OwnRowDeleted: "the writer's row of the outbox is deleted",
    ProgramCommits: "changes the row",
    OtherFenced: "fences another cell: counted and published",
    // Relay and gate.
    RowsTaken: "takes rows of the outbox, sends its script",
    RowsDeletedFirst: "takes rows of the outbox and deletes them, sends its script",
    RelayDeletesValue: "has its script run on a value",
    RelayDeletesLease: "has its script run on a lease",
    RelayLeavesLease: "has its script run on a lease and leaves it",
    RelayFindsNothing: "has its script run on nothing",
    RelayLeavesFence: "has its script run on a fence and leaves it",
    RelayDeletesFence: "has its script run on a fence",
    RelayFails: "has no connection or no reply: its rows are free again",
    RowsDeleted: "deletes its rows",
    OutboxSeen: "looks at the outbox and waits for its rows",
    GateOpens: "opens",
    // Messages and connections.
    MessageApplied: "applies the next message",
    MessageIgnored: "ignores a message",
    GapSeen: "sees a gap, empties everything, applies the message",
    GapNotMinded: "does not mind a gap, applies the message",
    Subscribed: "is subscribed on a new connection",
    BreakNoticed: "notices that its connections are broken",
    Reconnected: "has new connections",
    // Redis.
    ValueExpires: "the value reaches its end",
    LeaseExpires: "the lease reaches its end",
    FenceExpires: "the fence reaches its end",
    // Faults.
    CellEvicted: "FAULT: the cell is evicted",
    SequenceEvicted: "FAULT: the sequence is evicted",
    Flushed: "FAULT: everything is flushed",
    Restarted: "FAULT: restarts; commands on their way are lost, connections break",
    CutOff: "FAULT: its connections to Redis break; commands on their way are lost",
    CutOffLate: "FAULT: its connections to Redis break; its writer's command is still on its way",
    ListenerBroke: "FAULT: its connection breaks",
    MessageLost: "FAULT: a message does not arrive",
    FenceUnanswered: "FAULT: gets no answer to the fence, goes on; the command is still on its way",
    LiftUnanswered: "FAULT: gets no answer to the lift, answers; the command is still on its way",
    WriterDies: "FAULT: dies",
    RelayDies: "FAULT: dies; its rows are free again",
    ReplicaDies: "FAULT: dies, and a new process takes its place",
    // Commands that arrive late.
    LateFence: "a late fence runs",
    LateLift: "a late lift runs",
    LateRelay: "a late script of a relay runs",
}
