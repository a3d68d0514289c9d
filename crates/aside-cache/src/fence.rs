//! The writers' two steps: fence before COMMIT, lift after its reply.
//!
//! ```text
//!   writer    BEGIN · lock rows · change them · FENCE ──────── COMMIT ──────── LIFT · answer
//!   cell      value ───────────────────────────▶ fence ─────────────────────▶ absent
//!   readers   hit ─────────────────────────────▶ Postgres, nothing stored ───▶ lease, load, fill
//! ```
//!
//! While the fence is there nothing can be stored: a load that began before the COMMIT holds a lease that the fence has
//! overwritten. A writer that dies leaves its fence, which outlives the transaction's own deadlines and then runs out.

use std::{fmt, sync::LazyLock, time::Duration};

use aside_redis::{Call, Handle, RedisError, Script};

use super::{
    announce::announce,
    cell,
    sequence::outlast_looks,
    shared::{CellName, Protocol},
    token::Token,
};
use crate::metrics::SourceLabels;

static FENCE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/fence.lua")));
static LIFT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/lift.lua")));

/// How long a lift waits for a new connection when its own broke: a Redis that restarted meanwhile may have been filled
/// with what was true before the commit.
const LIFT_RECONNECT: Duration = Duration::from_millis(500);

/// The fence of one attempt of one transaction. [`lift`](Self::lift) it when the outcome of the transaction is known; drop
/// it when that is unknown, and it runs out by itself once no transaction can be left.
#[derive(Debug)]
#[must_use = "a fence keeps its cells from being cached until it is lifted"]
pub struct Fence {
    cache: Protocol,
    cells: Vec<CellName>,
    token: Token,
    /// The connection the fence was sent through: what is sent through it later is carried out later.
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

/// What became of a lift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifted {
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
    /// Fences `cells` for a transaction that holds all its row locks, has made all its changes, and has not been sent its
    /// COMMIT. When it is back, no replica reads by a look at the sequence that was issued before. Never fails: without Redis
    /// the write goes on, and the lift is tried all the same.
    pub async fn fence(&self, WriteToken(token): WriteToken, cells: Vec<CellName>) -> Fence {
        let handle = self.redis.handle_however_slow().ok();
        let mut fence = Fence { cache: self.clone(), cells, token, handle, is_sure: false };
        if fence.cells.is_empty() {
            return fence;
        }
        let set = match &fence.handle {
            Some(handle) => fence.set(handle).await,
            None => Err(RedisError::Unavailable),
        };
        match set {
            Ok(()) => {
                outlast_looks().await;
                fence.is_sure = true;
            }
            Err(error) => {
                self.report(&error, "fence not set");
            }
        }
        fence
    }
}

impl Protocol {
    /// Closes the gate, and says so once for each outage.
    fn report(&self, error: &RedisError, what: &str) {
        let error = error as &dyn std::error::Error;
        if self.gate.close_after_failure() {
            tracing::warn!(error, "{what}; what redis holds is not believed, and further failures are counted");
        } else {
            tracing::debug!(error, "{what}");
        }
    }
}

impl Fence {
    async fn set(&self, handle: &Handle) -> Result<(), RedisError> {
        let own = |call: Call| call.arg(cell::fence(self.token)).millis(self.cache.options.fence);
        announce(handle, &FENCE, &self.cells, own).await?;
        Ok(())
    }

    /// Deletes whatever is in the cells but other writers' fences. To be called after the reply to COMMIT or ROLLBACK,
    /// also when the fence was not set; the write is answered after it. Where Redis is out of reach the fence runs out by
    /// itself, and nothing in Redis is believed here until the outbox is empty of what this write has left there.
    ///
    /// A fence that may have been set after the row locks were gone may stand where the next writer's fence stood, and be
    /// all that this writer has. So it is left to run out, like another writer's.
    pub async fn lift(mut self, ended: Ended) -> Lifted {
        if self.cells.is_empty() {
            return Lifted::Confirmed;
        }
        self.is_sure &= ended == Ended::Committed;
        let lifted = match &self.handle {
            Some(handle) => self.lift_through(handle).await,
            None => Err(RedisError::Unavailable),
        };
        let lifted = match lifted {
            Ok(lost) => Ok(lost),
            Err(_own_connection_broke) => self.lift_anew().await,
        };
        match lifted {
            Ok(lost) => {
                // Where a fence was lost, a replica may have kept what was true before the COMMIT.
                if lost > 0 && ended == Ended::Committed {
                    outlast_looks().await;
                }
                let count = self.cells.len().try_into().unwrap_or(u64::MAX);
                self.cache.metrics.invalidations.get_or_create(&SourceLabels { source: "inline" }).inc_by(count);
                Lifted::Confirmed
            }
            Err(error) => {
                self.cache.report(&error, "fence not lifted");
                Lifted::Unconfirmed
            }
        }
    }

    async fn lift_anew(&self) -> Result<i64, RedisError> {
        if self.handle.is_some() {
            self.cache.redis.wait_until_up(LIFT_RECONNECT).await;
        }
        let handle = self.cache.redis.handle_however_slow()?;
        self.lift_through(&handle).await
    }

    /// Gives the number of cells that did not hold this fence any more.
    async fn lift_through(&self, handle: &Handle) -> Result<i64, RedisError> {
        // A new token matches no fence.
        let own = if self.is_sure { self.token } else { Token::random() };
        let lost = announce(handle, &LIFT, &self.cells, |call| call.arg(cell::fence(own))).await?;
        self.cache.invalidated.note(&self.cells);
        Ok(lost)
    }
}
