//! What tells entries of one kind apart.

use std::{fmt, hash::Hash};

use uuid::Uuid;

/// The id of an entry, in bytes that differ from those of all other ids of its kind; behind shorter ids there are zeros.
pub type IdBytes = [u8; 32];

/// The id of an entry. Its text is the second part of the entry's name, as triggers write it too.
pub trait EntryId: Clone + Eq + Hash + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Bytes that no other id of the kind has.
    fn to_bytes(&self) -> IdBytes;

    /// Reads an id's text, as it stands in the names of entries; `None` when it is no id.
    fn parse(text: &str) -> Option<Self>;
}

impl EntryId for i64 {
    fn to_bytes(&self) -> IdBytes {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.to_be_bytes());
        bytes
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl EntryId for i32 {
    fn to_bytes(&self) -> IdBytes {
        i64::from(*self).to_bytes()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl EntryId for Uuid {
    fn to_bytes(&self) -> IdBytes {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(self.as_bytes());
        bytes
    }

    fn parse(text: &str) -> Option<Self> {
        Self::try_parse(text).ok()
    }
}
