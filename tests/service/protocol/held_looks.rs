//! A replica whose looks at cells stay in the air until a test lets them land.

use std::time::Duration;

use aside::config::RedisConfig;

use super::{
    cache_replica::CacheReplica,
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
    /// The first of the things has this body, and is cached.
    pub(super) async fn at(first: &str) -> Self {
        let server = OwnRedis::start().await;
        let proxy = Proxy::start(&server.url).await;
        let mut things = Things::in_redis(test_redis::config(&server.url), first).await;
        let writer = things.replica().await;
        let url = proxy.url(&server.url).to_string().into();
        // A look that took too long would be followed by a load.
        things.redis = RedisConfig { url, command_timeout: Duration::from_mins(1), ..things.redis };
        let reader = things.replica().await;
        assert_eq!(body(&writer.read(1).await), Some(first));
        let before = server.calls_of("mget").await;
        proxy.set(Way::RepliesHeld);
        Self { things, reader, writer, proxy, server, before }
    }

    /// Waits until Redis has carried out the first look.
    pub(super) async fn until_one_is_in_the_air(&self) {
        eventually("a look is in the air", async || self.count().await > 0).await;
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
