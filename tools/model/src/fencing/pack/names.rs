//! Tokens without their names.

use super::{TOKEN, bits::Bits};
use crate::fencing::cell::Token;
use crate::fencing::state::State;

/// New names for tokens.
pub(super) struct Names {
    /// How many places name each.
    uses: [u8; Token::COUNT as usize],
    /// The one in the cell: what sets one holder of a token apart from another.
    in_cell: Token,
    new: [u16; Token::COUNT as usize],
    next: u16,
}

impl Names {
    pub(super) fn of(state: &State) -> Self {
        let mut uses = [0; Token::COUNT as usize];
        state.tokens().for_each(|token| uses[usize::from(token.0)] += 1);
        let in_cell = state.cell.token();
        let mut new = [0; Token::COUNT as usize];
        (new[1], new[2]) = (u16::from(Token::GONE.0), u16::from(Token::REPLICA.0));
        Self { uses, in_cell, new, next: Token::FIRST.into() }
    }

    /// The token, or [`Token::GONE`] if nothing else names it.
    pub(super) fn sortable(&self, token: Token) -> u16 {
        let lonely = token.is_named() && self.uses[usize::from(token.0)] == 1;
        if lonely { Token::GONE.0.into() } else { token.0.into() }
    }

    /// What something is to be sorted by: its bits, whether it has the token in the cell, and the token.
    pub(super) fn with_token(&self, bits: u16, token: Token) -> u16 {
        let in_cell = u16::from(token == self.in_cell);
        bits << (TOKEN + 1) | in_cell << TOKEN | self.sortable(token)
    }

    pub(super) fn rename(&mut self, token: u16) -> u16 {
        let new = &mut self.new[usize::from(token)];
        if *new == 0 && token != 0 {
            *new = self.next;
            self.next += 1;
        }
        *new
    }

    pub(super) fn push(&mut self, bits: &mut Bits, width: u32, sorted: u16) {
        bits.push(width, sorted >> (TOKEN + 1));
        bits.push(TOKEN, self.rename(sorted & ((1 << TOKEN) - 1)));
    }
}
