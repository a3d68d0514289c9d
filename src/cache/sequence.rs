//! The sequence of fences: what it is called, how long it lives, and where its numbers are published.

use std::time::Duration;

/// The count of fences so far, which in-process copies are held against.
pub(super) const SEQUENCE: &str = "sequence";
/// Where fences are published: `<sequence number> <cell> <cell> …`.
pub(super) const CHANNEL: &str = "fences";
/// Every key has a TTL. A sequence that ran out goes on above every number ever used.
pub(super) const SEQUENCE_LIFE: Duration = Duration::from_hours(24);
