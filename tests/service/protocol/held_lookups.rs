//! A replica whose lookups stay under way until a test lets their replies through.

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

/// Lookups that Redis has answered, and whose replies are held.
pub(super) struct HeldLookups {
    pub(super) things: Things,
    /// The replica of the held lookups.
    pub(super) reader: CacheReplica,
    /// A replica whose replies are not held.
    pub(super) writer: CacheReplica,
    proxy: Proxy,
    _server: OwnRedis,
}

impl HeldLookups {
    /// The first of the things has this body, and is cached; the lookup of one reader is under way.
    pub(super) async fn of_one_reader(first: &str) -> (Self, Reading) {
        let server = OwnRedis::start().await;
        let mut things = Things::in_redis(test_redis::config(&server.url), first).await;
        let writer = things.replica().await;
        // A lookup that took too long would be followed by a load.
        let proxy = things.by_way_of_a_proxy(&server).await;
        let reader = things.replica().await;
        assert_eq!(body(&writer.read(1).await), Some(first));
        let before = server.calls_of("mget").await;
        proxy.set(Way::RepliesHeld);
        let reading = reader.reading(&[1]);
        eventually("a lookup is under way", async || server.calls_of("mget").await > before).await;
        (Self { things, reader, writer, proxy, _server: server }, reading)
    }

    /// Lets the replies through, once all reads that were spawned have got as far as they can without.
    pub(super) async fn let_go(&self) {
        tokio::task::yield_now().await;
        self.proxy.set(Way::Open);
    }
}
