//! The states of an entry, as the bytes that Redis holds.
//!
//! ```text
//! value   'V' format identity:8 flags version:u64 soft_expiry_ms:u64 cost_us:u32 checksum:u64 │ token:16 since_ms:u64 │ payload…
//!         └─────────────────────────────────── header ───────────────────────────────────────┘ └── refresh lease ────┘
//! lease   'L' format identity:8 token:16                                                                      big endian
//! fence   'F' token:16
//! ```
//!
//! Values and leases carry the identity of the Redis that they were written to. Those of another identity read as absent, and
//! a reader may replace them: a former primary that is promoted again still holds what it held. A fence has no identity and
//! always counts.
//!
//! The refresh lease is all zero while no refresh is under way. Every value has room for one, so taking it writes 24 bytes in
//! place and moves no payload.
//!
//! The checksum is over the entry's name, the rest of the header, and the payload: a value that is read as another entry's, or
//! with a byte that was changed, is damaged. It finds accidents, not forgeries. It leaves out the refresh lease, which is written
//! in place.
//!
//! Replicas of two adjacent versions must agree on fences, so their form is fixed. Of two formats the newer stays: values of
//! an older one are replaced like those of another identity, those of a newer one read as a miss and are left alone.

use aside_redis::Identity;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{token::Token, value::EntryValue};

const VALUE: u8 = b'V';
const LEASE: u8 = b'L';
const FENCE: u8 = b'F';

/// The one format of values and leases that this version writes and reads.
const FORMAT: u8 = 3;

/// The value says that there is no such row.
const FLAG_ABSENT: u8 = 1;

/// Bytes of what values and leases begin with.
const ORIGIN: usize = 1 + 1 + Identity::LENGTH;
/// Bytes of a value's header: it tells the value from any other value of its entry.
const HEADER: usize = FIELDS + 8;
/// Bytes of the header in front of its checksum.
const FIELDS: usize = ORIGIN + 1 + 8 + 8 + 4;
/// Bytes of a refresh lease.
const REFRESH_LEASE: usize = Token::LENGTH + 8;

/// What a lookup of an entry found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing, or what this version cannot read.
    Absent,
    /// A value or a lease of another identity or an older format: absent, and to be replaced.
    Foreign,
    /// A value, right as of the lookup.
    Value(EntryValue),
    /// A fill is under way.
    Lease,
    /// A write is under way.
    Fence,
    /// Bytes that are not what was stored as this entry's value.
    Damaged(Bytes),
}

/// The entry whose value is encoded or decoded, as its checksum has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner(u64);

impl Owner {
    /// The entry of this name.
    pub(super) fn of(name: &str) -> Self {
        Self(xxh3_64(name.as_bytes()))
    }

    fn checksum(self, fields: &[u8], payload: &[u8]) -> u64 {
        xxh3_64_with_seed(payload, xxh3_64_with_seed(fields, self.0))
    }
}

impl EntryValue {
    /// The bytes of this value as it is stored in the Redis of this identity, without a refresh lease.
    pub(super) fn encode(&self, owner: Owner, identity: Identity) -> Bytes {
        let payload = self.payload.as_deref().unwrap_or_default();
        let mut entry = BytesMut::with_capacity(HEADER + REFRESH_LEASE + payload.len());
        entry.put_slice(&self.header(owner, identity));
        entry.put_bytes(0, REFRESH_LEASE);
        entry.put_slice(payload);
        entry.freeze()
    }

    /// The first bytes of an entry that holds this value, with or without a refresh lease.
    pub(super) fn header(&self, owner: Owner, identity: Identity) -> Vec<u8> {
        let mut header = Vec::with_capacity(HEADER + Token::LENGTH);
        put_origin(&mut header, VALUE, identity);
        header.put_u8(if self.payload.is_none() { FLAG_ABSENT } else { 0 });
        header.put_u64(self.version);
        header.put_i64(self.expires_at_ms);
        header.put_u32(self.cost_us);
        let checksum = owner.checksum(&header, self.payload.as_deref().unwrap_or_default());
        header.put_u64(checksum);
        header
    }

    /// Reads a value's bytes; gives them back when they are not those of this entry's value.
    fn decode(mut entry: Bytes, owner: Owner) -> Result<Self, Bytes> {
        let Some(mut value) = Self::read(&entry, owner) else { return Err(entry) };
        if let Some(payload) = &mut value.payload {
            entry.advance(HEADER + REFRESH_LEASE);
            *payload = entry;
        }
        Ok(value)
    }

    /// The value, its payload left empty.
    fn read(entry: &[u8], owner: Owner) -> Option<Self> {
        let (mut header, rest) = entry.split_at_checked(HEADER)?;
        let (mut refresh_lease, payload) = rest.split_at_checked(REFRESH_LEASE)?;
        let checksum = owner.checksum(&header[..FIELDS], payload);
        header.advance(ORIGIN);
        let flags = header.get_u8();
        let (version, expires_at_ms, cost_us) = (header.get_u64(), header.get_i64(), header.get_u32());
        if header.get_u64() != checksum {
            return None;
        }
        refresh_lease.advance(Token::LENGTH);
        let refreshing_since_ms = Some(refresh_lease.get_i64()).filter(|&since| since != 0);
        let payload = (flags & FLAG_ABSENT == 0).then(Bytes::new);
        Some(Self { payload, version, expires_at_ms, cost_us, refreshing_since_ms })
    }
}

/// The bytes of a lease in the Redis of this identity.
pub(super) fn lease(token: Token, identity: Identity) -> Vec<u8> {
    let mut entry = Vec::with_capacity(ORIGIN + Token::LENGTH);
    put_origin(&mut entry, LEASE, identity);
    entry.extend_from_slice(token.as_bytes());
    entry
}

/// The first bytes of an entry that holds the value with this header, under the refresh lease of this token.
pub(super) fn under_refresh_lease(mut header: Vec<u8>, token: Token) -> Vec<u8> {
    header.extend_from_slice(token.as_bytes());
    header
}

/// The bytes of a fence.
pub(super) fn fence(token: Token) -> Vec<u8> {
    let mut entry = Vec::with_capacity(1 + Token::LENGTH);
    entry.push(FENCE);
    entry.extend_from_slice(token.as_bytes());
    entry
}

/// What a value and a lease begin with: what they are, and under which format and identity they were written.
fn put_origin(entry: &mut impl BufMut, mark: u8, identity: Identity) {
    entry.put_u8(mark);
    entry.put_u8(FORMAT);
    entry.put_slice(identity.as_bytes());
}

impl State {
    /// Reads the bytes of this entry in the Redis of this identity. Bytes of any other form are a miss: a cache forgets, it does
    /// not fail.
    pub(super) fn decode(entry: Vec<u8>, owner: Owner, identity: Identity) -> Self {
        let entry = Bytes::from(entry);
        let rest = match &entry[..] {
            [VALUE | LEASE, FORMAT, rest @ ..] => rest,
            [VALUE | LEASE, ..FORMAT, ..] => return Self::Foreign,
            [FENCE, ..] => return Self::Fence,
            _nothing_or_unknown => return Self::Absent,
        };
        match rest.strip_prefix(identity.as_bytes()) {
            None => Self::Foreign,
            Some(_) if entry[0] == VALUE => EntryValue::decode(entry, owner).map_or_else(Self::Damaged, Self::Value),
            Some(token) if Token::from_slice(token).is_some() => Self::Lease,
            Some(_cut_short) => Self::Absent,
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
            expires_at_ms: i64,
            cost_us: u32,
            payload: Option<Vec<u8>>,
        ) {
            let payload = payload.map(Bytes::from);
            let value = EntryValue { version, expires_at_ms, cost_us, refreshing_since_ms: None, payload };

            let read = State::decode(value.encode(owner(), IDENTITY).to_vec(), owner(), IDENTITY);

            prop_assert_eq!(read, State::Value(value));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(entry: Vec<u8>) {
            let _some_state = State::decode(entry, owner(), IDENTITY);
        }
    }

    const IDENTITY: Identity = Identity::from_bytes([1; Identity::LENGTH]);
    const OTHER: Identity = Identity::from_bytes([2; Identity::LENGTH]);

    fn owner() -> Owner {
        Owner::of("thing:1")
    }

    fn some_value() -> EntryValue {
        let payload = Some(Bytes::from_static(b"x"));
        EntryValue { version: 1, expires_at_ms: 2, cost_us: 3, refreshing_since_ms: None, payload }
    }

    #[test]
    fn a_value_of_an_older_format_is_replaced_and_one_of_a_newer_is_not() {
        let mut entry = some_value().encode(owner(), IDENTITY).to_vec();

        entry[1] = FORMAT - 1;
        assert_eq!(State::decode(entry.clone(), owner(), IDENTITY), State::Foreign);
        entry[1] = FORMAT + 1;
        assert_eq!(State::decode(entry, owner(), IDENTITY), State::Absent);
    }

    #[test]
    fn values_and_leases_of_another_identity_are_foreign_and_its_fences_count() {
        let value = some_value().encode(owner(), OTHER).to_vec();

        assert_eq!(State::decode(value, owner(), IDENTITY), State::Foreign);
        assert_eq!(State::decode(lease(Token::random(), OTHER), owner(), IDENTITY), State::Foreign);
        assert_eq!(State::decode(fence(Token::random()), owner(), IDENTITY), State::Fence);
    }

    #[test]
    fn a_value_with_any_byte_changed_is_never_read() {
        let stored = some_value().encode(owner(), IDENTITY).to_vec();
        let is_refresh_lease = |at| (HEADER..HEADER + REFRESH_LEASE).contains(&at);

        for at in (0..stored.len()).filter(|&at| !is_refresh_lease(at)) {
            for bit in 0..8 {
                let mut entry = stored.clone();
                entry[at] ^= 1 << bit;

                assert!(!matches!(State::decode(entry, owner(), IDENTITY), State::Value(_)), "byte {at}, bit {bit}");
            }
        }
        assert!(
            !matches!(State::decode(stored[..stored.len() - 1].to_vec(), owner(), IDENTITY), State::Value(_)),
            "cut"
        );
    }

    #[test]
    fn a_value_of_another_entry_is_damaged() {
        let stored = some_value().encode(owner(), IDENTITY);

        let read = State::decode(stored.to_vec(), Owner::of("thing:2"), IDENTITY);

        assert_eq!(read, State::Damaged(stored));
    }

    #[test]
    fn a_value_under_refresh_is_read_with_the_time_of_its_refresh_lease() {
        let token = Token::random();
        let leased = under_refresh_lease(some_value().header(owner(), IDENTITY), token);
        let mut entry = some_value().encode(owner(), IDENTITY).to_vec();
        entry[..leased.len()].copy_from_slice(&leased);
        entry[HEADER + Token::LENGTH..HEADER + REFRESH_LEASE].copy_from_slice(&7_i64.to_be_bytes());

        assert_eq!(
            State::decode(entry, owner(), IDENTITY),
            State::Value(EntryValue { refreshing_since_ms: Some(7), ..some_value() })
        );
    }

    #[test]
    fn leases_and_fences_are_told_apart() {
        assert_eq!(State::decode(lease(Token::random(), IDENTITY), owner(), IDENTITY), State::Lease);
        assert_eq!(State::decode(fence(Token::random()), owner(), IDENTITY), State::Fence);
    }
}
