//! The cell, and the tokens and versions in it.

/// A version of the row. It starts at 0 and each COMMIT makes it one more, so a higher one is a newer one.
pub type Version = u8;

/// The name of one fill or of one write, as it stands in a cell.
///
/// In the service it is random and new for each attempt. Here it is a small number that is given out again when
/// nothing in the state names it any more, which keeps the search finite and changes nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Token(pub u8);

impl Token {
    /// No token: whoever has it may not store.
    pub const NONE: Self = Self(0);
    /// A token that is named at one place only. It matches nothing, not even another of its kind.
    pub const GONE: Self = Self(1);
    /// The token of everybody in the variants in which it names the replica and not the attempt.
    pub const REPLICA: Self = Self(2);
    /// The first token that names one attempt.
    pub const FIRST: u8 = 3;
    /// How many values a token has: three bits.
    pub const COUNT: u8 = 8;

    /// Whether both are the same token. [`Token::NONE`] and [`Token::GONE`] are nobody's.
    #[must_use]
    pub fn matches(self, other: Self) -> bool {
        self == other && self >= Self::REPLICA
    }

    /// Whether it names one attempt.
    #[must_use]
    pub fn is_named(self) -> bool {
        self.0 >= Self::FIRST
    }
}

/// What the one key in Redis holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// Nothing.
    Absent,
    /// A copy of the row; with the token of the one early refresh under way, if there is one.
    Value {
        /// Of the row when it was read.
        version: Version,
        /// [`Token::NONE`] when nobody refreshes it.
        refresh: Token,
    },
    /// The token of the one fill under way.
    Lease(Token),
    /// The token of a write under way.
    Fence(Token),
}

impl Cell {
    /// A copy that nobody refreshes.
    #[must_use]
    pub fn value(version: Version) -> Self {
        Self::Value { version, refresh: Token::NONE }
    }

    /// The token in the cell, of whatever kind.
    #[must_use]
    pub fn token(self) -> Token {
        match self {
            Self::Absent => Token::NONE,
            Self::Value { refresh, .. } => refresh,
            Self::Lease(token) | Self::Fence(token) => token,
        }
    }
}
