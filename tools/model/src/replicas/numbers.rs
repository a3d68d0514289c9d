//! Numbers of the sequence, without their size.
//!
//! Numbers are compared, and a message is the next one or it is not; nothing else is asked of them. So they are moved
//! together: neighbours stay neighbours, others become neighbours but one. That keeps the search finite however often
//! the sequence counts or starts again.

use super::process::{ReaderPhase, Relay, Writer};
use super::replica::Replica;
use super::state::{MAX_NUMBER, Number, REPLICAS, State};

/// A set of numbers.
pub(super) fn only(number: Number) -> u16 {
    assert!(number <= MAX_NUMBER, "more numbers are alive than the bounds allow");
    1 << number
}

/// The lowest number of a set.
pub(super) fn lowest(set: u16) -> Option<Number> {
    (0..=MAX_NUMBER).find(|number| set & only(*number) != 0)
}

/// Every number that something still knows.
fn alive(state: &State) -> u16 {
    let known = |replica: &Replica| {
        let waiting = replica.readers.iter().filter(|reader| reader.phase == ReaderPhase::Waiting);
        let waited_for = waiting.fold(0, |set, reader| set | only(reader.number));
        let announced = announced(replica).into_iter().flatten().fold(0, |set, number| set | only(number));
        waited_for | announced | replica.messages | replica.applied.map_or(0, only) | replica.look.map_or(0, only)
    };
    state.replicas.iter().fold(state.sequence.map_or(0, only), |set, replica| set | known(replica))
}

/// What the writer and the relay of a replica have announced, and wait for the end of older looks.
fn announced(replica: &Replica) -> [Option<Number>; 2] {
    let Writer { announced, .. } = replica.writer;
    let by_relay = if let Relay::Applied(_, number) = replica.relay { number } else { None };
    [announced, by_relay]
}

/// Looks that were issued before this was announced are over, and those in the air will not be good for others.
pub(super) fn end_looks_before(state: &mut State, number: Number, in_the_air_too: bool) {
    for replica in &mut state.replicas {
        replica.look = replica.look.filter(|look| *look >= number);
        for reader in &mut replica.readers {
            reader.lends &= reader.number >= number || !in_the_air_too;
        }
    }
}

/// Forgets of a good look by how much it is older than what somebody has announced who waits for its end.
pub(super) fn forget_age(state: &mut State) {
    let awaited: Vec<Number> = state.replicas.iter().flat_map(announced).flatten().collect();
    let newest = state.sequence;
    for replica in &mut state.replicas {
        let Some(look) = replica.look else { continue };
        let next = awaited.iter().copied().filter(|number| *number > look).min();
        replica.look = next.map(|number| number - 1).or(newest.max(Some(look)));
    }
}

/// Above every number ever used: those that nobody knows any more do not count.
pub(super) fn above_all(state: &State) -> Number {
    (0..=MAX_NUMBER).rev().find(|number| alive(state) & only(*number) != 0).map_or(0, |highest| highest + 2)
}

/// Forgets what makes no difference: messages that will be ignored, and by how much a number is below what is applied.
pub(super) fn forget_applied(replica: &mut Replica) {
    let Some(applied) = replica.applied else { return };
    replica.messages &= !(only(applied) | (only(applied) - 1));
    for reader in &mut replica.readers {
        if reader.phase == ReaderPhase::Waiting && !reader.lends {
            reader.number = reader.number.max(applied);
        }
    }
}

/// Moves all numbers together.
pub(super) fn move_together(state: &mut State) {
    let alive = alive(state);
    let mut new = [0; MAX_NUMBER as usize + 1];
    let mut last: Option<(Number, Number)> = None;
    for old in (0..=MAX_NUMBER).filter(|number| alive & only(*number) != 0) {
        let number = last.map_or(0, |(before, moved)| moved + (old - before).min(2));
        new[usize::from(old)] = number;
        last = Some((old, number));
    }
    let moved = |number: Number| new[usize::from(number)];
    let all_moved = |set: u16| {
        let members = (0..=MAX_NUMBER).filter(|number| set & only(*number) != 0);
        members.fold(0, |to, number| to | only(moved(number)))
    };
    // Of numbers that no message carries any more nobody asks whose they were.
    let carried = (0..REPLICAS).fold(0, |set, at| set | state.replicas[at].messages);
    state.ours = all_moved(state.ours & carried);
    state.sequence = state.sequence.map(moved);
    for replica in &mut state.replicas {
        replica.messages = all_moved(replica.messages);
        replica.applied = replica.applied.map(moved);
        replica.look = replica.look.map(moved);
        replica.writer.announced = replica.writer.announced.map(moved);
        if let Relay::Applied(_, number) = &mut replica.relay {
            *number = number.map(moved);
        }
        for reader in &mut replica.readers {
            reader.number = if reader.phase == ReaderPhase::Waiting { moved(reader.number) } else { 0 };
        }
    }
}
