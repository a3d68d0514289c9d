//! Invalidation of entries whose writer did not release them: a writer that died, one without Redis, another program.

use std::sync::LazyLock;

use aside_redis::{Pipeline, RedisError, Script};

use super::{name::EntryName, parts::Protocol, publish::publish, sequence::wait_out_freshness_checks};

static INVALIDATE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/invalidate.lua")));

impl Protocol {
    /// Resolves when Redis has answered. A relay that holds rows while Redis is silent keeps them from other relays.
    ///
    /// # Errors
    ///
    /// When Redis did not answer in time, or there is no connection.
    pub async fn ask(&self) -> Result<(), RedisError> {
        let mut any = Pipeline::with_capacity(1);
        any.cmd("ECHO").arg("");
        self.redis.handle_however_slow()?.query(&any).await.map(drop)
    }

    /// Deletes these entries, whose rows were changed by transactions that have committed, and publishes the invalidation. Fences
    /// stay. When it is back, no replica reads by a freshness check that was issued before.
    ///
    /// # Errors
    ///
    /// When Redis did not say that it was done; to be tried again, as it does no harm twice.
    pub async fn invalidate_committed(&self, entries: &[EntryName]) -> Result<(), RedisError> {
        if entries.is_empty() {
            return Ok(());
        }
        publish(&self.redis.handle_however_slow()?, &INVALIDATE, entries, |call| call).await?;
        wait_out_freshness_checks().await;
        self.invalidated.note(entries);
        Ok(())
    }

    /// Entries that were invalidated in this process since the last call, up to a bound. For the self-check, which compares a
    /// moment later what has come in their place.
    #[must_use]
    pub fn take_invalidated(&self) -> Vec<EntryName> {
        self.invalidated.take()
    }
}
