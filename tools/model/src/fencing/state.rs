//! What one state of the world is: one row, one cell, the readers and writers, and commands still on their way.
//!
//! Plain data. Which steps lead from one state to the next is in [`crate::fencing::steps`], how a state is made small and
//! canonical in `crate::fencing::pack`.

use crate::fencing::cell::{Cell, Token, Version};
use crate::fencing::process::{Reader, Stray, StrayKind, Transaction, Writer};

/// The most readers a search can have at work at the same time; each reads again and again.
pub const MAX_READERS: usize = 4;
/// The most writers at work at the same time; each writes again and again, until [`MAX_VERSION`].
pub const MAX_WRITERS: usize = 3;
/// The most commands that nobody waits for any more.
pub const MAX_STRAYS: usize = 3;
/// The newest version that fits: two bits.
pub const MAX_VERSION: Version = 3;
/// The world between two steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// The committed version of the row.
    pub row: Version,
    /// What a read that begins now must not be older than; the promise under test raises it.
    pub floor: Version,
    /// How many faults may still happen.
    pub faults_left: u8,
    /// The one key.
    pub cell: Cell,
    /// What an old snapshot of Redis would bring back. Only where keys do not carry the `run_id`.
    pub saved: Option<Version>,
    /// Whether the other server is the primary, after a fail-over.
    pub failed_over: bool,
    /// What the server that is not the primary would bring back as the primary.
    pub parked: Cell,
    /// The readers; those past the bound stay idle.
    pub readers: [Reader; MAX_READERS],
    /// The writers; those past the bound stay idle.
    pub writers: [Writer; MAX_WRITERS],
    /// Commands that nobody waits for.
    pub strays: [Stray; MAX_STRAYS],
}

impl State {
    /// Nothing cached, nobody at work, and a budget of faults.
    #[must_use]
    pub fn initial(faults: u8) -> Self {
        Self {
            row: 0,
            floor: 0,
            faults_left: faults,
            cell: Cell::Absent,
            saved: None,
            failed_over: false,
            parked: Cell::Absent,
            readers: [Reader::IDLE; MAX_READERS],
            writers: [Writer::IDLE; MAX_WRITERS],
            strays: [Stray::EMPTY; MAX_STRAYS],
        }
    }

    /// Whether a transaction has the row lock.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.writers.iter().any(|writer| writer.transaction.holds_lock())
    }

    /// A token that nothing in this state names.
    ///
    /// # Panics
    ///
    /// When all are taken, which the bounds above exclude.
    #[must_use]
    pub fn fresh_token(&self) -> Token {
        let taken = self.tokens().fold(0_u32, |set, token| set | 1 << token.0);
        let free = (Token::FIRST..Token::COUNT).find(|number| taken & (1 << number) == 0);
        Token(free.expect("more tokens are alive than the bounds allow"))
    }

    /// Every place that names a token, in a fixed order.
    pub fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        [self.cell, self.parked]
            .into_iter()
            .map(Cell::token)
            .chain(self.readers.iter().map(|reader| reader.token))
            .chain(self.writers.iter().map(|writer| writer.token))
            .chain(self.strays.iter().map(|stray| stray.token))
    }

    /// Changes the cell to anything but a new fence. Only a fence keeps transactions waiting for its end.
    pub fn set_cell(&mut self, cell: Cell) {
        let same_fence = matches!(cell, Cell::Fence(_)) && cell == self.cell;
        self.cell = cell;
        if !same_fence {
            self.writers.iter_mut().for_each(|writer| writer.guarded = false);
        }
    }

    /// Notes which transactions the fence that was just made outlives: all that are open now, by their time-outs.
    pub fn guard_open_transactions(&mut self) {
        for writer in &mut self.writers {
            writer.guarded = writer.transaction != Transaction::None;
        }
    }

    /// Whether the fence in the cell could have reached the end of its life.
    #[must_use]
    pub fn fence_may_be_over(&self) -> bool {
        !self.writers.iter().any(|writer| writer.guarded)
    }

    /// Puts a command on its way that nobody waits for.
    ///
    /// # Panics
    ///
    /// When all slots are full: there are as many as faults that fill them.
    pub fn send_stray(&mut self, kind: StrayKind, token: Token, version: Version) {
        let slot = self.strays.iter_mut().find(|stray| stray.kind == StrayKind::None);
        *slot.expect("one slot for each fault") = Stray { kind, token, version };
    }
}
