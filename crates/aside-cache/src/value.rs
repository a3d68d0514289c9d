//! What a cell holds.

use bytes::Bytes;

use super::cell::StoredValue;

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellValue {
    /// The bytes, `None` when there is no such thing.
    pub payload: Option<Bytes>,
    /// The row's version.
    pub version: u64,
    /// When the cell is due for a refresh, milliseconds since the epoch; now, for one that is not stored.
    pub expires_at_ms: i64,
    /// What its load cost, in microseconds: dear ones are refreshed earlier.
    pub cost_us: u32,
}

impl From<StoredValue> for CellValue {
    fn from(stored: StoredValue) -> Self {
        let StoredValue { payload, version, soft_expiry_ms, cost_us, .. } = stored;
        Self { payload, version, expires_at_ms: soft_expiry_ms, cost_us }
    }
}
