//! A state as one number, the same number for all states that differ in names only.
//!
//! Readers are interchangeable, so are writers, stray commands and tokens. The first three are sorted, and tokens get
//! new numbers in the order in which they come. A token that only one place names can match nothing any more,
//! whichever it was, and becomes `Token::GONE`. Where the order is a tie two equal states may stay apart: that costs
//! time, never a wrong result, since each stands for a state that can be reached.

mod bits;
mod names;
mod unpack;

use crate::fencing::cell::Cell;
use crate::fencing::process::{Reader, Stray, Writer};
use crate::fencing::state::{MAX_READERS, MAX_STRAYS, MAX_WRITERS, State};
use bits::Bits;
use names::Names;

pub(crate) use unpack::unpack;

/// A state in 126 bits. No hash: two different states never share one.
pub(crate) type Packed = u128;

/// Bits of a token. It is the lowest field of whatever has one, so that sorting looks at it last.
const TOKEN: u32 = 3;
/// Bits of the parked cell: absent, one of four values, a lease, or a fence with its token.
const PARKED: u32 = 4;
/// The first number of a parked fence; its token is added.
const PARKED_FENCE: u8 = 6;
/// Bits of a reader, without its token.
const READER: u32 = 9;
/// Bits of a writer, without its token.
const WRITER: u32 = 9;
/// Bits of a stray command, without its token.
const STRAY: u32 = 4;

/// The state as a number, its names taken away.
#[must_use]
pub(crate) fn pack(state: &State) -> Packed {
    let mut names = Names::of(state);
    let mut bits = Bits(0);
    bits.push(2, state.row.into());
    bits.push(2, state.floor.into());
    bits.push(2, state.faults_left.into());
    bits.push(3, state.saved.map_or(0, |version| u16::from(version) + 1));
    let (kind, version) = match state.cell {
        Cell::Absent => (0, 0),
        Cell::Value { version, .. } => (1, version),
        Cell::Lease(_) => (2, 0),
        Cell::Fence(_) => (3, 0),
    };
    bits.push(2, kind);
    bits.push(2, version.into());
    bits.push(TOKEN, names.rename(names.sortable(state.cell.token())));
    bits.push(1, state.failed_over.into());
    let parked = names.rename(names.sortable(state.parked.token()));
    bits.push(PARKED, parked_bits(state.parked, parked));
    let mut readers: [u16; MAX_READERS] =
        state.readers.map(|reader| names.with_token(reader_bits(reader), reader.token));
    let mut writers: [u16; MAX_WRITERS] =
        state.writers.map(|writer| names.with_token(writer_bits(writer), writer.token));
    let mut strays: [u16; MAX_STRAYS] = state.strays.map(|stray| names.with_token(stray_bits(stray), stray.token));
    sort(&mut readers);
    sort(&mut writers);
    sort(&mut strays);
    for reader in readers {
        names.push(&mut bits, READER, reader);
    }
    for writer in writers {
        names.push(&mut bits, WRITER, writer);
    }
    for stray in strays {
        names.push(&mut bits, STRAY, stray);
    }
    bits.0
}

/// Nobody refreshes a parked value, and a parked lease has no holder: both broke with the connections.
fn parked_bits(parked: Cell, token: u16) -> u16 {
    match parked {
        Cell::Absent => 0,
        Cell::Value { version, .. } => 1 + u16::from(version),
        Cell::Lease(_) => u16::from(PARKED_FENCE) - 1,
        Cell::Fence(_) => u16::from(PARKED_FENCE) + token,
    }
}

fn reader_bits(Reader { phase, version, floor, silent, .. }: Reader) -> u16 {
    let mut bits = Bits(0);
    bits.push(4, phase as u16);
    bits.push(2, version.into());
    bits.push(2, floor.into());
    bits.push(1, silent.into());
    bits.low()
}

fn writer_bits(Writer { phase, transaction, version, guarded, broken, .. }: Writer) -> u16 {
    let mut bits = Bits(0);
    bits.push(3, phase as u16);
    bits.push(2, transaction as u16);
    bits.push(2, version.into());
    bits.push(1, guarded.into());
    bits.push(1, broken.into());
    bits.low()
}

fn stray_bits(Stray { kind, version, .. }: Stray) -> u16 {
    (kind as u16) << 2 | u16::from(version)
}

/// Insertion sort: there are three or four of them.
fn sort(words: &mut [u16]) {
    for end in 1..words.len() {
        let mut place = end;
        while place > 0 && words[place - 1] > words[place] {
            words.swap(place - 1, place);
            place -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fencing::cell::Token;
    use crate::fencing::process::{ReaderPhase, StrayKind, Transaction, WriterPhase};

    fn busy_state() -> State {
        let mut state = State::initial(2);
        state.row = 3;
        state.floor = 2;
        state.saved = Some(3);
        state.failed_over = true;
        state.parked = Cell::Fence(Token(4));
        state.strays[2] = Stray { kind: StrayKind::Fence, token: Token(4), version: 0 };
        state.cell = Cell::Value { version: 1, refresh: Token(5) };
        state.readers[1] = Reader { phase: ReaderPhase::Filling, token: Token(5), version: 1, floor: 0, silent: true };
        state.writers[2] = Writer {
            phase: WriterPhase::Gone,
            transaction: Transaction::CommitSent,
            token: Token(7),
            version: 3,
            guarded: true,
            broken: true,
        };
        state.send_stray(StrayKind::Lift, Token(7), 3);
        state
    }

    #[test]
    fn unpacking_gives_back_what_was_packed() {
        let canonical = unpack(pack(&busy_state()));

        assert_eq!(canonical.row, 3);
        assert_eq!(canonical.saved, Some(3));
        assert!(canonical.failed_over);
        assert!(matches!(canonical.parked, Cell::Fence(token) if token.is_named()));
        assert_eq!(canonical.readers[3], Reader { token: canonical.cell.token(), ..busy_state().readers[1] });
        assert_eq!(canonical.writers[2].token, canonical.strays[2].token);
        assert_eq!(unpack(pack(&canonical)), canonical);
    }

    #[test]
    fn names_do_not_matter() {
        let state = busy_state();
        let mut renamed = state;
        renamed.readers.swap(1, 3);
        renamed.writers.swap(0, 2);
        renamed.cell = Cell::Value { version: 1, refresh: Token(7) };
        renamed.readers[3].token = Token(7);
        renamed.writers[0].token = Token(3);
        renamed.strays[0].token = Token(3);

        assert_eq!(pack(&renamed), pack(&state));
    }

    #[test]
    fn a_token_that_one_place_names_matches_nothing() {
        let mut state = State::initial(0);
        state.cell = Cell::Lease(Token(4));

        assert_eq!(unpack(pack(&state)).cell, Cell::Lease(Token::GONE));
        assert!(!Token::GONE.matches(Token::GONE));
    }
}
