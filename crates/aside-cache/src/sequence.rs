//! The sequence of fences: what it is called, how long it lives, where its numbers are published, and how long a look at it is
//! good for.

use std::time::{Duration, Instant};

use tokio::time;

/// The count of fences so far, which in-process copies are held against.
pub(super) const SEQUENCE: &str = "sequence";
/// Where fences are published: `<sequence number> <cell> <cell> …`.
pub(super) const CHANNEL: &str = "fences";
/// Every key has a TTL. A sequence that ran out goes on above every number ever used.
pub(super) const SEQUENCE_LIFE: Duration = Duration::from_hours(24);

/// For how long a look at the sequence is good for the reads of its process, from before it was issued: a lease on the
/// sequence (Gray and Cheriton, "Leases", 1989) that no writer has to know of, since all wait until it is over.
pub(super) const LOOK_LIFE: Duration = Duration::from_millis(3);
/// The same and a third for the writers, whose clocks may run faster than readers' (docs/adr/0022-freshness-checks-live-3-ms.md).
const LOOKS_ARE_OVER: Duration = Duration::from_millis(4);

/// Waits until no look is good any more that was issued before what Redis has just answered.
pub(super) async fn outlast_looks() {
    let answered = Instant::now();
    // A timer that comes early would break what readers are promised, so its word is not taken for it.
    while let Some(left) = LOOKS_ARE_OVER.checked_sub(answered.elapsed()).filter(|left| !left.is_zero()) {
        time::sleep(left).await;
    }
}
