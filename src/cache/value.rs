//! What readers are given.

use bytes::Bytes;

use super::{cell::StoredValue, near::Stamp};
use crate::telemetry::metrics::CacheOutcome;

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellValue {
    /// The bytes, `None` when there is no such thing.
    pub payload: Option<Bytes>,
    /// The row's version.
    pub version: u64,
    /// When the cell is due for a refresh, milliseconds since the epoch; now, for one that is not stored.
    pub expires_at_ms: i64,
}

/// A value and how it was come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What the cell holds.
    pub value: CellValue,
    /// As counted in `cache_requests_total`.
    pub outcome: CacheOutcome,
    /// Whether this read put it into the shared cache.
    pub stored: bool,
    /// Of the copy in this process that it is, for what is derived from it.
    pub stamp: Option<Stamp>,
}

impl From<StoredValue> for CellValue {
    fn from(stored: StoredValue) -> Self {
        Self { payload: stored.payload, version: stored.version, expires_at_ms: stored.soft_expiry_ms }
    }
}
