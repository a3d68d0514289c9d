//! The sequence of fences: its names, its life, and how long a freshness check is good for.

use std::time::{Duration, Instant};

use tokio::time;

/// The count of fences so far, which near entries are checked against.
pub(crate) const SEQUENCE: &str = "sequence";
/// Where fences are published: `<sequence number> <entry> <entry> …`.
pub(crate) const CHANNEL: &str = "fences";
/// Every key has a TTL. A sequence that ran out goes on above every number ever used.
pub(crate) const SEQUENCE_LIFE: Duration = Duration::from_hours(24);

/// For how long a freshness check is good for the reads of its process, from before it was issued: a lease on the sequence (Gray
/// and Cheriton, "Leases", 1989) that no writer has to know of, since all writers wait until it is over.
pub(crate) const FRESHNESS_CHECK_LIFE: Duration = Duration::from_millis(3);
/// The same and a third for the writers, whose clocks may run faster than readers' (docs/adr/0022-freshness-checks-live-3-ms.md).
const FRESHNESS_CHECKS_ARE_OVER: Duration = Duration::from_millis(4);

/// Waits until no freshness check is good any more that was issued before the reply of Redis that has just come.
pub(super) async fn wait_out_freshness_checks() {
    let answered = Instant::now();
    // A timer that fires early would break the promise to readers, so the clock is asked again.
    while let Some(left) = FRESHNESS_CHECKS_ARE_OVER.checked_sub(answered.elapsed()).filter(|left| !left.is_zero()) {
        time::sleep(left).await;
    }
}
