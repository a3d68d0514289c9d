//! The cache by itself, over a table of the test's own: replicas whose loads a test holds still.

use std::sync::Arc;

use aside_cache::{Cache, Ended, EntryName, Fetched, Mode};
use aside_postgres::admission::Admission;
use aside_redis::Options;
use aside_runtime::{clock::Clock, shutdown::Shutdown};
use sqlx::PgPool;
use tokio::time::Duration;

use super::{cache_replica::CacheReplica, entries::Entries};
use crate::{
    own_redis::OwnRedis,
    proxy::Proxy,
    test_database::TestDatabase,
    test_redis::{self, TestRedis},
};

/// The longest life of these entries.
pub(super) const TTL: Duration = Duration::from_mins(10);

/// The kind of these entries.
pub(super) const ENTITY: &str = "thing";

/// A table of things, and a prefix in Redis for their entries.
pub(super) struct Things {
    /// Past the cache.
    pub(super) pool: PgPool,
    /// Where replicas keep their entries.
    pub(super) redis: Options,
    _database: TestDatabase,
}

impl Things {
    /// The first of the things has this body, in the Redis of the environment.
    pub(super) async fn with(body: &str) -> Self {
        Self::in_redis(test_redis::config(&test_redis::url()), body).await
    }

    /// As [`with`](Self::with), in another Redis.
    pub(super) async fn in_redis(redis: Options, body: &str) -> Self {
        let database = TestDatabase::create().await;
        let pool = database.pool().await;
        let create = "CREATE TABLE things (id bigint PRIMARY KEY, body text NOT NULL)";
        sqlx::query(create).execute(&pool).await.expect("tables can be made");
        let things = Self { pool, redis, _database: database };
        things.set(&things.pool, 1, body).await;
        things
    }

    /// Replicas made from now on reach their Redis by way of this proxy, and wait for it longer than any test: one that holds
    /// replies makes no call fail.
    pub(super) async fn by_way_of_a_proxy(&mut self, server: &OwnRedis) -> Proxy {
        let proxy = Proxy::start(&server.url).await;
        self.redis.url = proxy.url(&server.url).as_str().parse().expect("a Redis URL");
        self.redis.command_timeout = Duration::from_mins(1);
        proxy
    }

    /// Changes a thing, or makes it, past the cache.
    pub(super) async fn set(&self, executor: impl sqlx::PgExecutor<'_>, id: i64, body: &str) {
        let upsert = "INSERT INTO things VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
        sqlx::query(upsert).bind(id).bind(body).execute(executor).await.expect("rows can be written");
    }

    /// Changes a thing, or makes it, step by step as `repository::write` does.
    pub(super) async fn write(&self, replica: &CacheReplica, id: i64, body: &str) {
        let mut transaction = self.pool.begin().await.expect("a transaction");
        self.set(&mut *transaction, id, body).await;
        let fence = replica.cache.fence(aside_cache::WriteToken::random(), vec![entry(id)]).await;
        transaction.commit().await.expect("it commits");
        fence.release(Ended::Committed).await;
    }

    /// The entries in Redis.
    pub(super) async fn entries(&self) -> Entries {
        Entries::seen_by(TestRedis::connect(self.redis.clone()).await)
    }

    /// The entries in Redis, by a way that no proxy holds up.
    pub(super) async fn entries_past_the_proxy(&self) -> Entries {
        let config = Options { url: test_redis::url().as_str().parse().expect("a Redis URL"), ..self.redis.clone() };
        Entries::seen_by(TestRedis::connect(config).await)
    }

    /// A replica whose leases, fences and waits are longer than any test.
    pub(super) async fn replica(&self) -> CacheReplica {
        self.replica_with(|config| config).await
    }

    /// As [`replica`](Self::replica), with other settings.
    pub(super) async fn replica_with(
        &self,
        change: impl FnOnce(aside_cache::Options) -> aside_cache::Options,
    ) -> CacheReplica {
        self.replica_for(change, permits(8)).await
    }

    /// As [`replica_with`](Self::replica_with), with these permits for its loads.
    pub(super) async fn replica_for(
        &self,
        change: impl FnOnce(aside_cache::Options) -> aside_cache::Options,
        loads: Admission,
    ) -> CacheReplica {
        let redis = TestRedis::connect(self.redis.clone()).await;
        let options = change(long_lives());
        let (clock, shutdown) = (Clock::movable(), Shutdown::new());
        let cache = Cache::builder(redis.client.clone(), self.pool.clone())
            .options(options)
            .loads(loads)
            .clock(clock.clone())
            .metrics(redis.metrics.cache.clone())
            .shutdown(shutdown.clone())
            .idle();
        // There is no outbox here that would have to be waited for.
        let trust = cache.protocol().trust();
        trust.recover(trust.loss_count());
        CacheReplica::new(cache, clock, shutdown, Arc::new(redis), self.pool.clone())
    }
}

fn long_lives() -> aside_cache::Options {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    aside_cache::Options {
        mode: Mode::Redis,
        max_staleness: Duration::ZERO,
        near_bytes: 1 << 20,
        negative_ttl: Duration::from_secs(5),
        lease: minutes(2),
        fence: minutes(2),
        lease_wait: minutes(2),
        // Most tests hold a fence still to see what is loaded under it.
        fence_wait: Duration::ZERO,
    }
}

/// These settings, with near entries.
pub(super) fn near(mut config: aside_cache::Options) -> aside_cache::Options {
    config.mode = Mode::Near;
    config
}

/// So many loads at once, and a queue timeout that is longer than any test.
pub(super) fn permits(permits: usize) -> Admission {
    Admission::new(permits, Duration::from_mins(2))
}

/// The entry of a thing.
pub(super) fn entry(id: i64) -> EntryName {
    EntryName::new(ENTITY, &id)
}

/// The name of that entry's key.
pub(super) fn key(id: i64) -> String {
    entry(id).as_str().to_owned()
}

/// What a read found.
pub(super) fn body(fetched: &Fetched) -> Option<&str> {
    fetched.value.payload.as_deref().map(|body| std::str::from_utf8(body).expect("bodies are text"))
}
