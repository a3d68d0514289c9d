//! What readers are given.

use super::{near::Stamp, value::CellValue};
use crate::metrics::CacheOutcome;

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
    /// Until when it may be used in what is derived from it, milliseconds since the epoch: a while after it is due for a
    /// refresh, and never after its cell is over.
    pub ends_at_ms: i64,
}
