//! A state as two numbers, the same ones for all states that differ in names only.
//!
//! Replicas are interchangeable, so are the readers of one, and stray commands. All three are sorted.

mod bits;
mod unpack;

use super::numbers::{forget_age, forget_applied, move_together};
use super::process::{Reader, Relay, Stray, Writer};
use super::replica::{Gate, Replica, Slot};
use super::rules::{Marker, MissingSequence, Rules};
use super::state::{Cell, State, Versions};

use bits::Bits;

pub(super) use unpack::unpack;

/// A state: a replica and a part of the rest in each number. No hash: two different states never share one.
pub(super) type Packed = [u128; 2];

/// Bits of a replica.
const REPLICA: u32 = 88;
/// How the part of the rest that goes with one replica is cut off.
const REST: u32 = 128 - REPLICA;

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
        forget_age(state);
        move_together(state);
    }
}

fn pack_replica(replica: &Replica) -> u128 {
    let mut bits = Bits(0);
    bits.push(2, replica.floor);
    bits.push(2, replica.link as u8);
    bits.push(1, replica.listens);
    bits.push(4, replica.applied.unwrap_or(NO_NUMBER));
    bits.push(4, replica.look.unwrap_or(NO_NUMBER));
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
    let mut readers = replica.readers.map(pack_reader);
    readers.sort_unstable();
    for reader in readers {
        bits.push(15, reader);
    }
    let Writer { phase, version, has_fence, announced, guarded } = replica.writer;
    bits.push(3, phase as u8);
    bits.push(2, version);
    bits.push(1, has_fence);
    bits.push(4, announced.unwrap_or(NO_NUMBER));
    bits.push(1, guarded);
    let (relay, number) = match replica.relay {
        Relay::Idle => (0, None),
        Relay::Applying(Versions(rows)) => (8 | rows, None),
        Relay::Applied(Versions(rows), number) => (16 | rows, number),
    };
    bits.push(5, relay);
    bits.push(4, number.unwrap_or(NO_NUMBER));
    bits.0
}

fn pack_reader(reader: Reader) -> u128 {
    let mut bits = Bits(0);
    bits.push(4, reader.phase as u8);
    bits.push(2, reader.version);
    bits.push(2, reader.floor);
    bits.push(4, reader.number);
    bits.push(1, reader.has_lease);
    bits.push(1, reader.has_marker);
    bits.push(1, reader.lends);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replicas::process::{ReaderPhase, StrayKind, WriterPhase};
    use crate::replicas::replica::{Link, READERS};
    use crate::replicas::state::Outbox;

    fn busy_state() -> State {
        let mut busy = Replica {
            floor: 2,
            link: Link::Down,
            listens: true,
            applied: Some(1),
            look: Some(1),
            messages: 0b1101 << 2,
            slot: Slot::Marker,
            gate: Gate::Waiting(Versions(5)),
            readers: [Reader::IDLE; READERS],
            writer: Writer { phase: WriterPhase::Gone, version: 3, has_fence: true, announced: Some(2), guarded: true },
            relay: Relay::Applied(Versions(6), Some(5)),
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
        // The numbers have been moved.
        let writer_of = |replica: &Replica| Writer { announced: None, ..replica.writer };
        let busy = writer_of(&busy_state().replicas[0]);
        assert_eq!(canonical.replicas.iter().filter(|replica| writer_of(replica) == busy).count(), 1);
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
            replica.look = replica.look.map(|number| number + 2);
            replica.writer.announced = replica.writer.announced.map(|number| number + 2);
            if let Relay::Applied(_, number) = &mut replica.relay {
                *number = number.map(|number| number + 2);
            }
            replica.readers.iter_mut().for_each(|reader| reader.number += 2);
        }

        assert_eq!(pack(&Rules::OURS, &higher), pack(&Rules::OURS, &state));
    }
}
