//! From two numbers to a state.

use super::{NO_NUMBER, Packed, REPLICA, REST, bits::Bits};
use crate::replicas::process::{Reader, ReaderPhase, Relay, Stray, StrayKind, Writer, WriterPhase};
use crate::replicas::replica::{Gate, Link, READERS, Replica, Slot};
use crate::replicas::state::{Cell, Number, Outbox, REPLICAS, STRAYS, State, Versions};

const READER_PHASES: [ReaderPhase; 10] = [
    ReaderPhase::Idle,
    ReaderPhase::Boarding,
    ReaderPhase::AskingSequence,
    ReaderPhase::Waiting,
    ReaderPhase::Looking,
    ReaderPhase::Found,
    ReaderPhase::Granted,
    ReaderPhase::Loading,
    ReaderPhase::Filling,
    ReaderPhase::Storing,
];
const WRITER_PHASES: [WriterPhase; 7] = [
    WriterPhase::Idle,
    WriterPhase::Fencing,
    WriterPhase::Fenced,
    WriterPhase::Lifting,
    WriterPhase::Lifted,
    WriterPhase::Gone,
    WriterPhase::Doomed,
];
const STRAY_KINDS: [StrayKind; 4] = [StrayKind::None, StrayKind::Fence, StrayKind::Lift, StrayKind::Relay];
const LINKS: [Link; 4] = [Link::Up, Link::Broken, Link::Down, Link::Starting];

/// A state that [`super::pack`] makes these numbers of.
pub(in crate::replicas) fn unpack([first, second]: Packed) -> State {
    let replica = |packed: u128| unpack_replica(packed & ((1 << REPLICA) - 1));
    unpack_rest(second >> REPLICA << REST | first >> REPLICA, [replica(first), replica(second)])
}

fn unpack_rest(packed: u128, replicas: [Replica; REPLICAS]) -> State {
    let mut bits = Bits(packed);
    // Last in, first out: the fields come back in the opposite order.
    let mut strays = [Stray::NONE; STRAYS];
    for stray in strays.iter_mut().rev() {
        let (version, has_fence) = (bits.pop(2), bits.pop_flag());
        *stray = Stray { kind: STRAY_KINDS[usize::from(bits.pop(2))], has_fence, version };
    }
    let (programs_left, others_left) = (bits.pop(2), bits.pop(2));
    let (done, rows) = (Versions(bits.pop(3)), Versions(bits.pop(3)));
    let ours = bits.pop_wide(12);
    let sequence = pop_number(&mut bits);
    let version = bits.pop(2);
    let cell = match bits.pop(2) {
        0 => Cell::Absent,
        1 => Cell::Value(version),
        2 => Cell::Lease,
        _ => Cell::Fence { of: version },
    };
    let (faults_left, row) = (bits.pop(2), bits.pop(2));
    let outbox = Outbox { rows, done };
    State { row, faults_left, cell, sequence, ours, outbox, others_left, programs_left, replicas, strays }
}

fn pop_number(bits: &mut Bits) -> Option<Number> {
    Some(bits.pop(4)).filter(|number| *number != NO_NUMBER)
}

fn unpack_replica(packed: u128) -> Replica {
    let mut bits = Bits(packed);
    let number = pop_number(&mut bits);
    let relay = match bits.pop(5) {
        0 => Relay::Idle,
        applying if applying & 16 == 0 => Relay::Applying(Versions(applying & 7)),
        applied => Relay::Applied(Versions(applied & 7), number),
    };
    let (guarded, announced, has_fence) = (bits.pop_flag(), pop_number(&mut bits), bits.pop_flag());
    let version = bits.pop(2);
    let writer = Writer { phase: WRITER_PHASES[usize::from(bits.pop(3))], version, has_fence, announced, guarded };
    let mut readers = [Reader::IDLE; READERS];
    for reader in readers.iter_mut().rev() {
        let (lends, has_marker, has_lease) = (bits.pop_flag(), bits.pop_flag(), bits.pop_flag());
        let (number, floor, version) = (bits.pop(4), bits.pop(2), bits.pop(2));
        let phase = READER_PHASES[usize::from(bits.pop(4))];
        *reader = Reader { phase, version, floor, number, has_lease, has_marker, lends };
    }
    let gate = match bits.pop(4) {
        0 => Gate::Open,
        1 => Gate::Closed,
        waiting => Gate::Waiting(Versions(waiting & 7)),
    };
    let slot = match bits.pop(4) {
        0 => Slot::Empty,
        1 => Slot::Marker,
        copy => Slot::Copy(copy & 3),
    };
    let messages = bits.pop_wide(12);
    let look = pop_number(&mut bits);
    let applied = pop_number(&mut bits);
    let listens = bits.pop_flag();
    let (link, floor) = (LINKS[usize::from(bits.pop(2))], bits.pop(2));
    Replica { floor, link, listens, applied, look, messages, slot, gate, readers, writer, relay }
}
