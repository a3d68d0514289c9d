//! A state as two numbers, the same ones for all states that differ in names only.
//!
//! Replicas are interchangeable, so are the readers of one, and stray commands. All three are sorted.

use super::numbers::{forget_applied, move_together};
use super::rules::{Marker, MissingSequence, Rules};
use super::state::{
    Cell, Gate, Link, Outbox, READERS, Reader, ReaderPhase, Relay, Replica, Slot, State, Stray, StrayKind, Versions,
    Writer, WriterPhase,
};

/// A state: a replica and a part of the rest in each number. No hash: two different states never share one.
pub(super) type Packed = [u128; 2];

/// Bits of a replica.
const REPLICA: u32 = 72;
/// How the part of the rest that goes with one replica is cut off.
const REST: u32 = 128 - REPLICA;

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
const WRITER_PHASES: [WriterPhase; 6] = [
    WriterPhase::Idle,
    WriterPhase::Fencing,
    WriterPhase::Fenced,
    WriterPhase::Lifting,
    WriterPhase::Gone,
    WriterPhase::Doomed,
];
const STRAY_KINDS: [StrayKind; 4] = [StrayKind::None, StrayKind::Fence, StrayKind::Lift, StrayKind::Relay];
const LINKS: [Link; 4] = [Link::Up, Link::Broken, Link::Down, Link::Starting];

/// Small numbers, one after the other, in a large one.
struct Bits(u128);

impl Bits {
    fn push(&mut self, width: u32, value: impl Into<u128>) {
        let value = value.into();
        debug_assert!(value >> width == 0, "{value} does not fit {width} bits");
        self.0 = self.0 << width | value;
    }

    #[expect(clippy::cast_possible_truncation, reason = "no field is wider than twelve bits")]
    fn pop_wide(&mut self, width: u32) -> u16 {
        let value = self.0 & ((1 << width) - 1);
        self.0 >>= width;
        value as u16
    }

    #[expect(clippy::cast_possible_truncation, reason = "no wider than eight bits")]
    fn pop(&mut self, width: u32) -> u8 {
        self.pop_wide(width) as u8
    }

    fn pop_flag(&mut self) -> bool {
        self.pop(1) == 1
    }
}

/// No number, in the four bits that a number has.
const NO_NUMBER: u8 = 15;

/// The state as numbers, its names taken away.
pub(super) fn pack(rules: &Rules, state: &State) -> Packed {
    let mut state = *state;
    forget(rules, &mut state);
    let mut replicas = state.replicas.map(|replica| pack_replica(&replica));
    replicas.sort_unstable();
    let rest = pack_rest(&state);
    [rest << REPLICA | replicas[0], rest >> REST << REPLICA | replicas[1]]
}

/// Takes away what no step will ask for.
fn forget(rules: &Rules, state: &mut State) {
    for replica in &mut state.replicas {
        let nobody_knows_it = !replica.readers.iter().any(|reader| reader.has_marker);
        if replica.slot == Slot::Marker && nobody_knows_it && rules.marker == Marker::OfThisRead {
            replica.slot = Slot::Empty;
        }
        if let Gate::Waiting(rows) = &mut replica.gate {
            *rows = rows.and(state.outbox.rows);
        }
    }
    if rules.missing_sequence != MissingSequence::StartsAtOne {
        state.replicas.iter_mut().for_each(forget_applied);
        move_together(state);
    }
}

fn pack_replica(replica: &Replica) -> u128 {
    let mut bits = Bits(0);
    bits.push(2, replica.floor);
    bits.push(2, replica.link as u8);
    bits.push(1, replica.listens);
    bits.push(4, replica.applied.unwrap_or(NO_NUMBER));
    bits.push(12, replica.messages);
    bits.push(
        4,
        match replica.slot {
            Slot::Empty => 0,
            Slot::Marker => 1,
            Slot::Copy(version) => 4 | version,
        },
    );
    bits.push(
        4,
        match replica.gate {
            Gate::Open => 0,
            Gate::Closed => 1,
            Gate::Waiting(Versions(rows)) => 8 | rows,
        },
    );
    let mut readers = replica.readers.map(|reader| pack_reader(&reader));
    readers.sort_unstable();
    for reader in readers {
        bits.push(14, reader);
    }
    let Writer { phase, version, has_fence, is_sure, guarded } = replica.writer;
    bits.push(3, phase as u8);
    bits.push(2, version);
    bits.push(1, has_fence);
    bits.push(1, is_sure);
    bits.push(1, guarded);
    bits.push(
        5,
        match replica.relay {
            Relay::Idle => 0,
            Relay::Applying(Versions(rows)) => 8 | rows,
            Relay::Applied(Versions(rows)) => 16 | rows,
        },
    );
    bits.0
}

fn pack_reader(reader: &Reader) -> u128 {
    let mut bits = Bits(0);
    bits.push(4, reader.phase as u8);
    bits.push(2, reader.version);
    bits.push(2, reader.floor);
    bits.push(4, reader.number);
    bits.push(1, reader.has_lease);
    bits.push(1, reader.has_marker);
    bits.0
}

fn pack_rest(state: &State) -> u128 {
    let mut bits = Bits(0);
    bits.push(2, state.row);
    bits.push(2, state.faults_left);
    let (kind, version) = match state.cell {
        Cell::Absent => (0_u8, 0),
        Cell::Value(version) => (1, version),
        Cell::Lease => (2, 0),
        Cell::Fence { of } => (3, of),
    };
    bits.push(2, kind);
    bits.push(2, version);
    bits.push(4, state.sequence.unwrap_or(NO_NUMBER));
    bits.push(12, state.ours);
    bits.push(3, state.outbox.rows.0);
    bits.push(3, state.outbox.done.0);
    bits.push(2, state.others_left);
    bits.push(2, state.programs_left);
    let mut strays = state.strays;
    strays.sort_unstable();
    for Stray { kind, has_fence, version } in strays {
        bits.push(2, kind as u8);
        bits.push(1, has_fence);
        bits.push(2, version);
    }
    bits.0
}

/// A state that [`pack`] makes these numbers of.
pub(super) fn unpack([first, second]: Packed) -> State {
    let replica = |packed: u128| unpack_replica(packed & ((1 << REPLICA) - 1));
    unpack_rest(second >> REPLICA << REST | first >> REPLICA, [replica(first), replica(second)])
}

fn unpack_rest(packed: u128, replicas: [Replica; 2]) -> State {
    let mut bits = Bits(packed);
    // Last in, first out: the fields come back in the opposite order.
    let mut strays = [Stray::NONE; 3];
    for stray in strays.iter_mut().rev() {
        let (version, has_fence) = (bits.pop(2), bits.pop_flag());
        *stray = Stray { kind: STRAY_KINDS[usize::from(bits.pop(2))], has_fence, version };
    }
    let (programs_left, others_left) = (bits.pop(2), bits.pop(2));
    let (done, rows) = (Versions(bits.pop(3)), Versions(bits.pop(3)));
    let ours = bits.pop_wide(12);
    let sequence = Some(bits.pop(4)).filter(|number| *number != NO_NUMBER);
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

fn unpack_replica(packed: u128) -> Replica {
    let mut bits = Bits(packed);
    let relay = match bits.pop(5) {
        0 => Relay::Idle,
        applying if applying & 16 == 0 => Relay::Applying(Versions(applying & 7)),
        applied => Relay::Applied(Versions(applied & 7)),
    };
    let (guarded, is_sure, has_fence) = (bits.pop_flag(), bits.pop_flag(), bits.pop_flag());
    let version = bits.pop(2);
    let writer = Writer { phase: WRITER_PHASES[usize::from(bits.pop(3))], version, has_fence, is_sure, guarded };
    let mut readers = [Reader::IDLE; READERS];
    for reader in readers.iter_mut().rev() {
        let (has_marker, has_lease) = (bits.pop_flag(), bits.pop_flag());
        let (number, floor, version) = (bits.pop(4), bits.pop(2), bits.pop(2));
        let phase = READER_PHASES[usize::from(bits.pop(4))];
        *reader = Reader { phase, version, floor, number, has_lease, has_marker };
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
    let applied = Some(bits.pop(4)).filter(|number| *number != NO_NUMBER);
    let listens = bits.pop_flag();
    let (link, floor) = (LINKS[usize::from(bits.pop(2))], bits.pop(2));
    Replica { floor, link, listens, applied, messages, slot, gate, readers, writer, relay }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy_state() -> State {
        let mut busy = Replica {
            floor: 2,
            link: Link::Down,
            listens: true,
            applied: Some(1),
            messages: 0b1101 << 2,
            slot: Slot::Marker,
            gate: Gate::Waiting(Versions(5)),
            readers: [Reader::IDLE; READERS],
            writer: Writer { phase: WriterPhase::Gone, version: 3, has_fence: true, is_sure: true, guarded: true },
            relay: Relay::Applied(Versions(6)),
        };
        busy.readers[0] = Reader { phase: ReaderPhase::Waiting, version: 3, floor: 1, number: 4, ..Reader::IDLE };
        busy.readers[1] = Reader { phase: ReaderPhase::Storing, has_lease: true, has_marker: true, ..Reader::IDLE };
        State {
            row: 3,
            faults_left: 2,
            cell: Cell::Fence { of: 2 },
            sequence: Some(5),
            ours: 0b1000 << 2,
            outbox: Outbox { rows: Versions(7), done: Versions(4) },
            others_left: 1,
            programs_left: 2,
            replicas: [busy, Replica { applied: None, ..Replica::new(true) }],
            strays: [Stray { kind: StrayKind::Lift, has_fence: true, version: 3 }, Stray::NONE, Stray::NONE],
        }
    }

    #[test]
    fn unpacking_gives_back_what_was_packed() {
        let canonical = unpack(pack(&Rules::OURS, &busy_state()));

        assert_eq!(canonical.row, 3);
        assert_eq!(canonical.strays[2], busy_state().strays[0]);
        assert_eq!(
            canonical.replicas.iter().filter(|replica| replica.writer == busy_state().replicas[0].writer).count(),
            1
        );
        assert_eq!(unpack(pack(&Rules::OURS, &canonical)), canonical);
    }

    #[test]
    fn which_replica_is_which_does_not_matter() {
        let state = busy_state();
        let mut renamed = state;
        renamed.replicas.swap(0, 1);
        renamed.replicas[1].readers.swap(0, 1);
        renamed.strays.swap(0, 2);

        assert_eq!(pack(&Rules::OURS, &renamed), pack(&Rules::OURS, &state));
    }

    #[test]
    fn how_high_the_numbers_are_does_not_matter() {
        let state = busy_state();
        let mut higher = state;
        higher.sequence = Some(7);
        higher.ours <<= 2;
        for replica in &mut higher.replicas {
            replica.applied = replica.applied.map(|number| number + 2);
            replica.messages <<= 2;
            replica.readers.iter_mut().for_each(|reader| reader.number += 2);
        }

        assert_eq!(pack(&Rules::OURS, &higher), pack(&Rules::OURS, &state));
    }
}
