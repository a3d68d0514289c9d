//! Tokens: 128 random bits, new for each fill and for each attempt of a transaction.
//!
//! A token names the attempt, never the client: with a client's name in its place, a late fill is taken for the fill of
//! the same client's next lease (the test `lease_reused_by_its_owner`).

/// Names one fill or one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token([u8; Token::LENGTH]);

impl Token {
    pub(super) const LENGTH: usize = 16;

    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    pub(super) fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}
