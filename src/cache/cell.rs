//! The states of a cell, as the bytes that Redis holds.
//!
//! ```text
//! value   'V' format flags version:u64 soft_expiry_ms:u64 cost_us:u32 │ token:16 since_ms:u64 │ payload…     big endian
//!         └──────────────────────── header ─────────────────────────┘ └──────── claim ──────┘
//! lease   'L' token:16
//! fence   'F' token:16
//! ```
//!
//! The claim is whose refresh of this value is under way, all zero when nobody's is. Every value has room for one, so that
//! claiming writes 24 bytes in place and moves no payload.
//!
//! Only values carry a format number. Leases and fences are the part on which replicas of two adjacent versions must
//! agree, so their form is fixed; a value of an unknown format reads as a miss.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::token::Token;

const VALUE: u8 = b'V';
const LEASE: u8 = b'L';
const FENCE: u8 = b'F';

/// The one format of values that this version writes and reads.
const FORMAT: u8 = 2;

/// The value says that there is no such row.
const FLAG_ABSENT: u8 = 1;

/// Bytes of a value's header: what tells it from any other value of its cell.
const HEADER: usize = 1 + 1 + 1 + 8 + 8 + 4;
/// Bytes of a claim.
const CLAIM: usize = Token::LENGTH + 8;

/// What a look at a cell found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing, or a value that this version cannot read.
    Absent,
    /// A value, right as of the look.
    Value(StoredValue),
    /// A fill is under way.
    Lease,
    /// A write is under way.
    Fence,
}

/// A value with what the protocol keeps beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredValue {
    pub(super) version: u64,
    /// Milliseconds since the epoch from which on the value is due for a refresh.
    pub(super) soft_expiry_ms: i64,
    /// What its load cost, in microseconds.
    pub(super) cost_us: u32,
    /// Since when somebody refreshes it, milliseconds since the epoch on the server's clock.
    pub(super) claimed_at_ms: Option<i64>,
    /// `None` remembers an absence.
    pub(super) payload: Option<Bytes>,
}

impl StoredValue {
    /// The bytes of this value as it is stored: claimed by nobody.
    pub(super) fn encode(&self) -> Bytes {
        let payload = self.payload.as_deref().unwrap_or_default();
        let mut cell = BytesMut::with_capacity(HEADER + CLAIM + payload.len());
        self.put_header(&mut cell);
        cell.put_bytes(0, CLAIM);
        cell.put_slice(payload);
        cell.freeze()
    }

    /// What a cell begins with while it holds this value, whoever refreshes it.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(HEADER + Token::LENGTH);
        self.put_header(&mut header);
        header
    }

    fn put_header(&self, cell: &mut impl BufMut) {
        cell.put_u8(VALUE);
        cell.put_u8(FORMAT);
        cell.put_u8(if self.payload.is_none() { FLAG_ABSENT } else { 0 });
        cell.put_u64(self.version);
        cell.put_i64(self.soft_expiry_ms);
        cell.put_u32(self.cost_us);
    }

    /// Reads what follows the first byte; `None` for a format that is not ours or a cell cut short.
    fn decode(mut rest: Bytes) -> Option<Self> {
        if rest.len() < HEADER + CLAIM - 1 || rest.get_u8() != FORMAT {
            return None;
        }
        let flags = rest.get_u8();
        let (version, soft_expiry_ms, cost_us) = (rest.get_u64(), rest.get_i64(), rest.get_u32());
        rest.advance(Token::LENGTH);
        let claimed_at_ms = Some(rest.get_i64()).filter(|&since| since != 0);
        let payload = (flags & FLAG_ABSENT == 0).then_some(rest);
        Some(Self { version, soft_expiry_ms, cost_us, claimed_at_ms, payload })
    }
}

/// The bytes of a lease.
pub(super) fn lease(token: Token) -> Vec<u8> {
    marked(LEASE, token)
}

/// What a cell begins with while it holds the value with this header, and the refresh under this token is under way.
pub(super) fn claimed(mut header: Vec<u8>, token: Token) -> Vec<u8> {
    header.extend_from_slice(token.as_bytes());
    header
}

/// The bytes of a fence.
pub(super) fn fence(token: Token) -> Vec<u8> {
    marked(FENCE, token)
}

fn marked(mark: u8, token: Token) -> Vec<u8> {
    let mut cell = Vec::with_capacity(1 + Token::LENGTH);
    cell.push(mark);
    cell.extend_from_slice(token.as_bytes());
    cell
}

impl State {
    /// Reads the bytes of a cell. Whatever it cannot read is a miss: a cache forgets, it does not fail.
    pub(super) fn decode(cell: Vec<u8>) -> Self {
        let mut cell = Bytes::from(cell);
        if cell.is_empty() {
            return Self::Absent;
        }
        match cell.get_u8() {
            VALUE => StoredValue::decode(cell).map_or(Self::Absent, Self::Value),
            LEASE if Token::from_slice(&cell).is_some() => Self::Lease,
            FENCE => Self::Fence,
            _unknown => Self::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_is_read_as_it_was_written(
            version: u64,
            soft_expiry_ms: i64,
            cost_us: u32,
            payload: Option<Vec<u8>>,
        ) {
            let payload = payload.map(Bytes::from);
            let value = StoredValue { version, soft_expiry_ms, cost_us, claimed_at_ms: None, payload };

            let read = State::decode(value.encode().to_vec());

            prop_assert_eq!(read, State::Value(value));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(cell: Vec<u8>) {
            let _some_state = State::decode(cell);
        }
    }

    fn some_value() -> StoredValue {
        let payload = Some(Bytes::from_static(b"x"));
        StoredValue { version: 1, soft_expiry_ms: 2, cost_us: 3, claimed_at_ms: None, payload }
    }

    #[test]
    fn a_value_of_an_unknown_format_is_a_miss() {
        let mut cell = some_value().encode().to_vec();
        cell[1] = FORMAT + 1;

        assert_eq!(State::decode(cell), State::Absent);
    }

    #[test]
    fn a_value_under_refresh_is_read_with_the_time_of_its_claim() {
        let token = Token::random();
        let claimed = claimed(some_value().header(), token);
        let mut cell = some_value().encode().to_vec();
        cell[..claimed.len()].copy_from_slice(&claimed);
        cell[HEADER + Token::LENGTH..HEADER + CLAIM].copy_from_slice(&7_i64.to_be_bytes());

        assert_eq!(State::decode(cell), State::Value(StoredValue { claimed_at_ms: Some(7), ..some_value() }));
    }

    #[test]
    fn leases_and_fences_are_told_apart() {
        assert_eq!(State::decode(lease(Token::random())), State::Lease);
        assert_eq!(State::decode(fence(Token::random())), State::Fence);
    }
}
