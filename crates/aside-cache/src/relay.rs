//! Invalidation of cells that somebody else has written: a writer that died, one that had no Redis, another program.

use std::sync::LazyLock;

use aside_redis::{Pipeline, RedisError, Script};

use super::{
    announce::announce,
    sequence::outlast_looks,
    shared::{CellName, Protocol},
};

static RELAY: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/relay.lua")));

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

    /// Deletes these cells, whose rows were changed by transactions that have committed, and tells everybody. Fences stay. When it
    /// is back, no replica reads by a look at the sequence that was issued before.
    ///
    /// # Errors
    ///
    /// When Redis did not say that it was done; to be tried again, as it does no harm twice.
    pub async fn invalidate_committed(&self, cells: &[CellName]) -> Result<(), RedisError> {
        if cells.is_empty() {
            return Ok(());
        }
        announce(&self.redis.handle_however_slow()?, &RELAY, cells, |call| call).await?;
        outlast_looks().await;
        self.invalidated.note(cells);
        Ok(())
    }
}
