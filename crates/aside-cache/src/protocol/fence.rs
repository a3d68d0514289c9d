//! The writers' two steps: fence before COMMIT, release after its reply.
//!
//! ```text
//!   writer    BEGIN · lock rows · change them · FENCE ──────── COMMIT ──────── RELEASE · answer
//!   entry     value ───────────────────────────▶ fence ─────────────────────▶ absent
//!   readers   hit ─────────────────────────────▶ Postgres, nothing stored ───▶ lease, load, fill
//! ```
//!
//! While the fence is there nothing can be stored: a load that began before the COMMIT holds a lease that the fence has
//! overwritten. A writer that dies leaves its fence, which outlives the transaction's own deadlines and then runs out.

use std::{fmt, sync::LazyLock, time::Duration};

use aside_redis::{Call, Handle, RedisError, Script};

use super::{
    entry, name::EntryName, parts::Protocol, publish::publish, sequence::wait_out_freshness_checks, token::Token,
};
use crate::metrics::SourceLabels;

static FENCE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/fence.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/release.lua")));

/// How long a release waits for a new connection when its own broke: a Redis that restarted meanwhile may have been filled
/// with what was true before the commit.
const RELEASE_RECONNECT: Duration = Duration::from_millis(500);

/// The fence of one attempt of one transaction. [`release`](Self::release) it when the outcome of the transaction is known; drop
/// it when the outcome is unknown, and it runs out by itself once the transaction has reached its deadlines.
#[derive(Debug)]
#[must_use = "a fence keeps its entries from being cached until it is released"]
pub struct Fence {
    protocol: Protocol,
    entries: Vec<EntryName>,
    token: Token,
    /// The connection that the fence was sent through: a later command on it is carried out later.
    handle: Option<Handle>,
    /// Whether the fence is known to have been set while the writer held its row locks.
    is_sure: bool,
}

/// Names one attempt of one transaction: in its fence, and in its rows of the invalidation outbox.
#[derive(Clone, Copy, Debug)]
pub struct WriteToken(Token);

impl WriteToken {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(Token::random())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// In hexadecimal digits, as the outbox's trigger reads it.
impl fmt::Display for WriteToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The outcome of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// No cache shows what was before the write.
    Confirmed,
    /// Redis did not say. The outbox tells its relays what to do.
    Unconfirmed,
}

/// How a transaction ended for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The fence was set while the row locks were held, if it was answered at all.
    Committed,
    /// The row locks may have been gone before the fence was set: time-outs of the server end a transaction unasked.
    RolledBack,
}

impl Protocol {
    /// Fences `entries` for a transaction that holds all its row locks, has made all its changes, and has not been sent its
    /// COMMIT. When it is back, no replica reads by a freshness check that was issued before. Never fails: without Redis
    /// the write goes on, and the release is tried all the same.
    pub async fn fence(&self, WriteToken(token): WriteToken, entries: Vec<EntryName>) -> Fence {
        let handle = self.redis.handle_however_slow().ok();
        let mut fence = Fence { protocol: self.clone(), entries, token, handle, is_sure: false };
        if fence.entries.is_empty() {
            return fence;
        }
        let set = match &fence.handle {
            Some(handle) => fence.set(handle).await,
            None => Err(RedisError::Unavailable),
        };
        match set {
            Ok(()) => {
                wait_out_freshness_checks().await;
                fence.is_sure = true;
            }
            Err(error) => {
                self.lose_trust(&error, "fence not set");
            }
        }
        fence
    }

    /// Redis is untrusted from now on. Logged once for each outage.
    fn lose_trust(&self, error: &RedisError, what: &str) {
        let error = error as &dyn std::error::Error;
        if self.trust.lose_after_failure() {
            tracing::warn!(error, "{what}; redis is not trusted, and further failures are counted");
        } else {
            tracing::debug!(error, "{what}");
        }
    }
}

impl Fence {
    async fn set(&self, handle: &Handle) -> Result<(), RedisError> {
        let own = |call: Call| call.arg(entry::fence(self.token)).millis(self.protocol.options.fence);
        publish(handle, &FENCE, &self.entries, own).await?;
        Ok(())
    }

    /// Deletes whatever the entries hold but other writers' fences. To be called after the reply to COMMIT or ROLLBACK,
    /// also when the fence was not set; the write is answered after it. Where Redis is out of reach the fence runs out by
    /// itself, and Redis is not trusted here until the outbox rows of this write are applied.
    ///
    /// A fence that may have been set after the row locks were gone may stand where the next writer's fence stood, and be
    /// that writer's only protection. So it is left to run out, like another writer's.
    pub async fn release(mut self, ended: Ended) -> Released {
        if self.entries.is_empty() {
            return Released::Confirmed;
        }
        self.is_sure &= ended == Ended::Committed;
        let released = match &self.handle {
            Some(handle) => self.release_through(handle).await,
            None => Err(RedisError::Unavailable),
        };
        let released = match released {
            Ok(lost) => Ok(lost),
            Err(_own_connection_broke) => self.release_anew().await,
        };
        match released {
            Ok(lost) => {
                // Where a fence was lost, a replica may have kept what was true before the COMMIT.
                if lost > 0 && ended == Ended::Committed {
                    wait_out_freshness_checks().await;
                }
                let count = self.entries.len().try_into().unwrap_or(u64::MAX);
                let labels = SourceLabels { source: "inline" };
                self.protocol.metrics.invalidations.get_or_create(&labels).inc_by(count);
                Released::Confirmed
            }
            Err(error) => {
                self.protocol.lose_trust(&error, "fence not released");
                Released::Unconfirmed
            }
        }
    }

    async fn release_anew(&self) -> Result<i64, RedisError> {
        if self.handle.is_some() {
            self.protocol.redis.wait_until_up(RELEASE_RECONNECT).await;
        }
        let handle = self.protocol.redis.handle_however_slow()?;
        self.release_through(&handle).await
    }

    /// Gives the number of entries that did not hold this fence any more.
    async fn release_through(&self, handle: &Handle) -> Result<i64, RedisError> {
        // A new token matches no fence.
        let own = if self.is_sure { self.token } else { Token::random() };
        let lost = publish(handle, &RELEASE, &self.entries, |call| call.arg(entry::fence(own))).await?;
        self.protocol.invalidated.note(&self.entries);
        Ok(lost)
    }
}
