//! The keys of near slots.

use crate::entry_id::IdBytes;

/// A kind of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind(pub(super) u8);

/// The key of a near slot.
pub(crate) type SlotKey = (Kind, IdBytes);
