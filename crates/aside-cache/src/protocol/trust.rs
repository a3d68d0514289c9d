//! Trust: whether Redis may be believed.
//!
//! A write that could not be fenced or released has left its entries as they were. Its rows in the invalidation outbox name them,
//! and a relay will invalidate them; until then Redis is not trusted here. The same holds after a connection broke, since
//! invalidations may have been missed meanwhile. A new process begins without trust.
//!
//! Redis has to be trusted when a lookup or a freshness check is *issued*. Asked only when the reply is there, trust may have been
//! recovered meanwhile: the lookup found what was not invalidated yet, and its reader began after the write was answered (the
//! model's `GateAskedAtReplyOnly`). Asking at the reply too costs nothing, and spares readers a reply that has just become
//! doubtful.
//!
//! Each loss counts up; recovery names the count that it has seen. So trust that is lost during a recovery stays lost.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aside_redis::RedisClient;
use tokio::sync::Notify;

use super::outage::Outage;

/// How often trust had been lost when a recovery began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossCount(u64);

/// Trusted or untrusted. Clones share the state.
#[derive(Clone, Debug)]
pub struct Trust {
    redis: RedisClient,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    losses: AtomicU64,
    /// The number of losses that the last recovery has seen.
    recovered_at: AtomicU64,
    recovered: Notify,
    outage: Outage,
}

impl Trust {
    /// This Redis is not trusted yet.
    pub(super) fn new(redis: RedisClient) -> Self {
        let shared = Shared {
            losses: AtomicU64::new(1),
            recovered_at: AtomicU64::new(0),
            recovered: Notify::new(),
            outage: Outage::default(),
        };
        Self { redis, shared: Arc::new(shared) }
    }

    /// Trust is lost since a write's fence or release failed. Gives whether this is the first failure since trust was recovered.
    pub(super) fn lose_after_failure(&self) -> bool {
        self.shared.losses.fetch_add(1, Ordering::SeqCst);
        self.shared.outage.note_failure()
    }

    /// Whether Redis is trusted. To be asked before a command is issued whose reply is to be believed.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.shared.recovered_at.load(Ordering::SeqCst) == self.losses()
    }

    /// The count to recover trust with, read before the recovery looks at the outbox.
    #[must_use]
    pub fn loss_count(&self) -> LossCount {
        LossCount(self.losses())
    }

    /// Redis is trusted, unless trust was lost again since.
    pub fn recover(&self, seen: LossCount) {
        self.shared.recovered_at.store(seen.0, Ordering::SeqCst);
        self.shared.recovered.notify_waiters();
    }

    /// How many fences and releases failed since the last call; the next failure is the first of a new outage.
    #[must_use]
    pub fn take_failures(&self) -> u64 {
        self.shared.outage.end()
    }

    /// Resolves when Redis is trusted.
    pub async fn recovered(&self) {
        loop {
            let changed = self.shared.recovered.notified();
            if self.is_trusted() {
                return;
            }
            changed.await;
        }
    }

    fn losses(&self) -> u64 {
        self.shared.losses.load(Ordering::SeqCst) + self.redis.lost_connections()
    }
}
