//! The gate: whether what Redis holds may be believed.
//!
//! A write that could not be fenced or lifted has left its cells as they were. Its rows in the invalidation outbox tell which,
//! and a relay will see to them; until then nothing in Redis is believed here. The same after a connection broke: who knows
//! what was not invalidated meanwhile. A new process begins with a closed gate.
//!
//! It has to be open when a look is *issued*, at a cell or at the sequence. Asked only when the reply is there, it may have
//! opened meanwhile: the look found what was not invalidated yet, and its reader began after the write was answered (the
//! model's `GateAskedAtReplyOnly`). That it is asked at the reply too costs nothing, and spares readers what was just found to be
//! in doubt.
//!
//! Closing counts up; opening names the count it has seen. So a gate that is closed while it is being opened stays closed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aside_redis::RedisClient;
use tokio::sync::Notify;

use super::outage::Outage;

/// How often the gate was closed, when somebody began to see whether it can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed(u64);

/// Open or closed. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    redis: RedisClient,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    closings: AtomicU64,
    opened_at: AtomicU64,
    opened: Notify,
    outage: Outage,
}

impl Gate {
    /// A closed gate in front of this Redis.
    pub(super) fn new(redis: RedisClient) -> Self {
        let shared = Shared {
            closings: AtomicU64::new(1),
            opened_at: AtomicU64::new(0),
            opened: Notify::new(),
            outage: Outage::default(),
        };
        Self { redis, shared: Arc::new(shared) }
    }

    /// Closes it.
    pub(super) fn close(&self) {
        self.shared.closings.fetch_add(1, Ordering::SeqCst);
    }

    /// Closes it, since a write's fence or lift failed; whether that is the first one since it was open.
    pub(super) fn close_after_failure(&self) -> bool {
        self.close();
        self.shared.outage.note_failure()
    }

    /// Whether what Redis says may be believed. To be asked before Redis is.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.opened_at.load(Ordering::SeqCst) == self.closings()
    }

    /// The count to open it with, read before looking whether it can be opened.
    #[must_use]
    pub fn closed(&self) -> Closed {
        Closed(self.closings())
    }

    /// Opens it, unless it was closed again since.
    pub fn open(&self, closed: Closed) {
        self.shared.opened_at.store(closed.0, Ordering::SeqCst);
        self.shared.opened.notify_waiters();
    }

    /// How many fences and lifts failed since this was asked last; the next one is news again.
    #[must_use]
    pub fn take_failures(&self) -> u64 {
        self.shared.outage.end()
    }

    /// Resolves when it is open.
    pub async fn opened(&self) {
        loop {
            let changed = self.shared.opened.notified();
            if self.is_open() {
                return;
            }
            changed.await;
        }
    }

    fn closings(&self) -> u64 {
        self.shared.closings.load(Ordering::SeqCst) + self.redis.lost_connections()
    }
}
