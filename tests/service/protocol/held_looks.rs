//! A replica whose looks at cells stay in the air until a test lets them land.

use super::{
    cache_replica::{CacheReplica, Reading},
    eventually,
    things::{Things, body},
};
use crate::{
    own_redis::OwnRedis,
    proxy::{Proxy, Way},
    test_redis,
};

/// Looks that Redis has answered, and whose answers are held.
pub(super) struct HeldLooks {
    pub(super) things: Things,
    /// Whose looks they are.
    pub(super) reader: CacheReplica,
    /// Whom nothing holds.
    pub(super) writer: CacheReplica,
    proxy: Proxy,
    server: OwnRedis,
    before: u64,
}

impl HeldLooks {
    /// The first of the things has this body, and is cached; the look of one who reads it is in the air.
    pub(super) async fn of_one_who_reads(first: &str) -> (Self, Reading) {
        let server = OwnRedis::start().await;
        let mut things = Things::in_redis(test_redis::config(&server.url), first).await;
        let writer = things.replica().await;
        // A look that took too long would be followed by a load.
        let proxy = things.by_way_of_a_proxy(&server).await;
        let reader = things.replica().await;
        assert_eq!(body(&writer.read(1).await), Some(first));
        let before = server.calls_of("mget").await;
        proxy.set(Way::RepliesHeld);
        let looks = Self { things, reader, writer, proxy, server, before };
        let reading = looks.reader.reading(&[1]);
        eventually("a look is in the air", async || looks.count().await > 0).await;
        (looks, reading)
    }

    /// Lets them land, once all reads that were spawned have got as far as they can without.
    pub(super) async fn let_go(&self) {
        tokio::task::yield_now().await;
        self.proxy.set(Way::Open);
    }

    /// How many looks there were.
    pub(super) async fn count(&self) -> u64 {
        self.server.calls_of("mget").await - self.before
    }
}
