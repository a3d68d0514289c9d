//! How many fields answers have.

/// Of an answer in the end, about: room for all that the layers around the handlers add. To grow bit by bit takes longer than
/// to write them.
pub(super) const ALL_FIELDS: usize = 14;
