//! What slots are called.

/// The id of a cell, in bytes that tell it apart from all others of its kind; behind shorter ids there are zeros.
pub type IdBytes = [u8; 32];

/// A kind of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind(pub(super) u8);

/// Names a slot.
pub(crate) type Key = (Kind, IdBytes);
