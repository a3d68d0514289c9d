//! The value of an entry.

use bytes::Bytes;

/// The value of an entry, as Redis and near entries hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryValue {
    /// The bytes, `None` when the row does not exist.
    pub payload: Option<Bytes>,
    /// The row's version.
    pub version: u64,
    /// The soft end, from which on the entry is due for a refresh, in milliseconds since the epoch; now, for a value that is not
    /// stored.
    pub expires_at_ms: i64,
    /// The duration of its load, in microseconds: the longer it took, the earlier the refresh.
    pub cost_us: u32,
    /// When the refresh lease in the entry was taken, in milliseconds since the epoch on the server's clock; `None` without one.
    pub refreshing_since_ms: Option<i64>,
}
