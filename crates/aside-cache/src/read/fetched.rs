//! The answer of a read.

use crate::{metrics::CacheOutcome, near::SlotVersion, protocol::EntryValue};

/// A value and its provenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The value of the entry.
    pub value: EntryValue,
    /// As counted in `cache_requests_total`.
    pub outcome: CacheOutcome,
    /// Whether this read stored it in Redis.
    pub stored: bool,
    /// Of the near entry that it is, for pages that are composed of it.
    pub version: Option<SlotVersion>,
    /// Until when it may be used in a composed page, milliseconds since the epoch: a while after it is due for a refresh, and
    /// never after its entry is over.
    pub ends_at_ms: i64,
}
