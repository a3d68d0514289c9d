//! Redis answers, but too late to be of use: readers leave it alone, writers do not.

use std::time::Duration;

use aside_redis::{Options, Pipeline, RedisError, cmd};
use futures::future::join_all;

use super::{
    missing,
    redis_away::{look_at, rename, until_cached},
    until,
};
use crate::{
    application::{Backend, TestApplication},
    proxy::Proxy,
    test_redis::{self, TestRedis},
};

/// A fourth of it is late, and what takes longer than all of it counts as lost.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(800);
const LATE: Duration = Duration::from_millis(300);

async fn ping(redis: &TestRedis) {
    if let Ok(handle) = redis.client.handle_however_slow() {
        let mut pipeline = Pipeline::new();
        pipeline.add_command(cmd("PING"));
        let _late_or_lost = handle.query(&pipeline).await;
    }
}

#[tokio::test]
async fn a_redis_whose_replies_are_late_is_left_alone_until_they_are_not() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let config = Options { command_timeout: COMMAND_TIMEOUT, ..test_redis::config(&proxy.url(&test_redis::url())) };
    let redis = TestRedis::connect(config).await;
    let is_up_at_first = redis.client.is_up();

    proxy.delay_replies(LATE);
    until(async || {
        ping(&redis).await;
        !redis.client.is_up() && redis.client.is_connected()
    })
    .await;
    let for_readers = redis.client.handle();
    let for_writers = redis.client.handle_however_slow();
    let shown = redis.metrics.redis.up.get();
    proxy.delay_replies(Duration::ZERO);
    until(async || redis.client.is_up()).await;

    assert!(is_up_at_first);
    assert!(matches!(for_readers, Err(RedisError::Unavailable)));
    assert!(for_writers.is_ok());
    assert_eq!((shown, redis.metrics.redis.up.get()), (0, 1));
    assert!(redis.client.handle().is_ok());
}

#[tokio::test]
async fn a_replica_whose_redis_is_slow_goes_on_fencing_for_the_others() {
    let backend = Backend::create().await;
    let proxy = Proxy::start(&test_redis::url()).await;
    let timeout = format!("{}ms", COMMAND_TIMEOUT.as_millis());
    let slow_way = [("REDIS_URL", &*proxy.url(&test_redis::url()).to_string()), ("REDIS_COMMAND_TIMEOUT", &*timeout)]
        .map(|(name, value)| (name, value.to_owned()));
    let slow_way = slow_way.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (slow, fast) = (backend.start_with(&slow_way).await, backend.start().await);
    let ada = fast.api().register("ada").await;
    let ada_at_slow = ada.at(slow.public);
    until_cached(&ada_at_slow).await;

    proxy.delay_replies(LATE);
    until(async || {
        look_at(&ada_at_slow).await;
        missing(&slow).await == ["redis"]
    })
    .await;
    for round in 0..5 {
        until_cached(&ada).await;
        let name = format!("round {round}");
        rename(&ada_at_slow, &name).await;
        assert_eq!(look_at(&ada).await.0, name, "the other replica reads what the slow one had to fence");
        assert_eq!(look_at(&ada_at_slow).await, (name, "aside; fwd=bypass".to_owned()));
    }
    proxy.delay_replies(Duration::ZERO);

    until(async || missing(&slow).await.is_empty()).await;
    until_cached(&ada_at_slow).await;
    assert_eq!(look_at(&ada_at_slow).await.0, "round 4");
}

/// Not late by `REDIS_COMMAND_TIMEOUT` of these tests, and far above what Postgres takes on a busy machine.
const SLOW: Duration = Duration::from_millis(200);

/// Lookups so far: those that went past Redis, and all.
async fn lookups(replica: &TestApplication) -> (f64, f64) {
    let bypassed = replica.metric("cache_requests_total", &["outcome=\"bypass\""]).await;
    (bypassed, replica.metric("cache_requests_total", &[]).await)
}

#[tokio::test]
async fn most_reads_go_past_a_redis_that_is_slower_than_postgres_until_it_is_fast_again() {
    for mode in ["redis", "near"] {
        let proxy = Proxy::start(&test_redis::url()).await;
        let redis = proxy.url(&test_redis::url());
        let backend = Backend::create().await.with("REDIS_URL", redis.as_str()).with("CACHE_MODE", mode);
        let replica = backend.start().await;
        let users = join_all(["ada", "bob", "cleo", "dora"].map(async |name| replica.api().register(name).await)).await;
        let read_by_all = async || join_all(users.iter().map(look_at)).await;
        read_by_all().await;

        proxy.delay_replies(SLOW);
        until(async || {
            read_by_all().await;
            replica.metric("redis_up", &[]).await < 1.0
        })
        .await;
        let before = lookups(&replica).await;
        for _ in 0..25 {
            read_by_all().await;
        }
        let after = lookups(&replica).await;
        proxy.delay_replies(Duration::ZERO);
        until(async || replica.metric("redis_up", &[]).await > 0.0).await;
        until_cached(&users[0]).await;

        let (bypassed, all) = (after.0 - before.0, after.1 - before.1);
        assert!(all >= 100.0 && bypassed > all * 0.75, "{mode}: {bypassed} of {all}");
    }
}
