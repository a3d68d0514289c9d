//! From a number to a state.

use super::{PARKED, PARKED_FENCE, Packed, TOKEN, bits::Bits};
use crate::fencing::cell::{Cell, Token};
use crate::fencing::process::{Reader, ReaderPhase, Stray, StrayKind, Transaction, Writer, WriterPhase};
use crate::fencing::state::State;

/// A state that [`super::pack`] makes this number of.
#[must_use]
pub(crate) fn unpack(packed: Packed) -> State {
    let mut bits = Bits(packed);
    // Last in, first out: the fields come back in the opposite order.
    let mut state = State::initial(0);
    for stray in state.strays.iter_mut().rev() {
        *stray = unpack_stray(&mut bits);
    }
    for writer in state.writers.iter_mut().rev() {
        *writer = unpack_writer(&mut bits);
    }
    for reader in state.readers.iter_mut().rev() {
        *reader = unpack_reader(&mut bits);
    }
    state.parked = unpack_parked(bits.pop(PARKED));
    state.failed_over = bits.pop(1) == 1;
    let token = Token(bits.pop(TOKEN));
    let version = bits.pop(2);
    state.cell = match bits.pop(2) {
        0 => Cell::Absent,
        1 => Cell::Value { version, refresh: token },
        2 => Cell::Lease(token),
        _ => Cell::Fence(token),
    };
    state.saved = bits.pop(3).checked_sub(1);
    state.faults_left = bits.pop(2);
    state.floor = bits.pop(2);
    state.row = bits.pop(2);
    state
}

fn unpack_parked(bits: u8) -> Cell {
    const LEASE: u8 = PARKED_FENCE - 1;
    match bits {
        0 => Cell::Absent,
        LEASE => Cell::Lease(Token::GONE),
        PARKED_FENCE.. => Cell::Fence(Token(bits - PARKED_FENCE)),
        value => Cell::value(value - 1),
    }
}

fn unpack_reader(bits: &mut Bits) -> Reader {
    use ReaderPhase as P;
    const PHASES: [P; 10] = [
        P::Idle,
        P::Looking,
        P::Waiting,
        P::Acquiring,
        P::AcquiringLoaded,
        P::Claiming,
        P::Granted,
        P::Loading,
        P::Loaded,
        P::Filling,
    ];
    let token = Token(bits.pop(TOKEN));
    let silent = bits.pop(1) == 1;
    let floor = bits.pop(2);
    let version = bits.pop(2);
    Reader { phase: PHASES[usize::from(bits.pop(4))], token, version, floor, silent }
}

fn unpack_writer(bits: &mut Bits) -> Writer {
    use Transaction as T;
    use WriterPhase as P;
    const PHASES: [P; 7] = [P::Idle, P::Fencing, P::Ready, P::Committing, P::Ended, P::Lifting, P::Gone];
    const TRANSACTIONS: [T; 4] = [T::None, T::Begun, T::Locked, T::CommitSent];
    let token = Token(bits.pop(TOKEN));
    let broken = bits.pop(1) == 1;
    let guarded = bits.pop(1) == 1;
    let version = bits.pop(2);
    let transaction = TRANSACTIONS[usize::from(bits.pop(2))];
    Writer { phase: PHASES[usize::from(bits.pop(3))], transaction, token, version, guarded, broken }
}

fn unpack_stray(bits: &mut Bits) -> Stray {
    use StrayKind as K;
    const KINDS: [K; 4] = [K::None, K::Acquire, K::Fence, K::Lift];
    let token = Token(bits.pop(TOKEN));
    let version = bits.pop(2);
    Stray { kind: KINDS[usize::from(bits.pop(2))], token, version }
}
