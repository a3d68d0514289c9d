//! A Redis that is full and evicts nothing: it refuses leases and values, but neither fences nor releases, so nothing is stale.

use aside_cache::{CacheOutcome, Ended};
use aside_redis::{Options, Value};

use super::{
    bench::Bench,
    entries::Held,
    eventually,
    things::{Things, body, entry, key},
};
use crate::{own_redis::OwnRedis, test_redis};

#[tokio::test]
async fn full_redis_takes_fences_and_releases_and_refuses_values() {
    let (redis, config) = own_redis().await;
    let bench = Bench::in_redis(config).await;
    bench.hold("leased", Some(b"Lmine")).await;
    bench.hold("value", Some(b"Vold")).await;
    make_full(&redis).await;

    assert!(is_refused(&bench.fill("leased").await));
    assert!(is_refused(&bench.give_back("leased").await), "without allow-oom not even a DEL");
    assert!(matches!(bench.fence(&["value", "absent"]).await, Value::Int(_)));

    for name in ["value", "absent", "sequence", "leased"] {
        assert!(bench.entries.life_ms(name).await > 0, "{name} has a TTL");
    }
    assert_eq!(bench.entries.held("leased").await, Held::Lease, "it runs out by itself");
    assert_eq!((bench.entries.held("value").await, bench.entries.held("absent").await), (Held::Fence, Held::Fence));
    bench.entries.evict("absent").await;
    bench.entries.evict("sequence").await;
    assert_eq!(bench.release(&["value", "absent"]).await, Value::Int(1));
    assert_eq!(bench.entries.held("value").await, Held::Nothing);
    assert!(bench.entries.life_ms("sequence").await > 0);
}

#[tokio::test]
async fn a_write_under_a_full_redis_is_seen_by_the_next_reader() {
    let (redis, config) = own_redis().await;
    let things = Things::in_redis(config, "old").await;
    let (reader, writer) = (things.replica().await, things.replica().await);
    assert!(reader.read(1).await.stored);
    make_full(&redis).await;

    things.write(&writer, 1, "new").await;

    let read = reader.read(1).await;
    assert_eq!((body(&read), read.outcome), (Some("new"), CacheOutcome::Bypass));
}

#[tokio::test]
async fn a_fill_that_a_full_redis_refuses_serves_its_reader() {
    let (redis, config) = own_redis().await;
    let things = Things::in_redis(config, "old").await;
    let (reader, writer) = (things.replica().await, things.replica().await);
    reader.hold_loads();
    let reading = reader.reading(&[1]);
    let load = reader.held_load().await;
    make_full(&redis).await;

    load.go_on();

    let read = reading.one().await;
    assert_eq!((body(&read), read.stored), (Some("old"), false));
    let fence = writer.cache.fence(aside_cache::WriteToken::random(), vec![entry(1)]).await;
    assert_eq!(things.entries().await.held(&key(1)).await, Held::Fence);
    fence.release(Ended::Committed).await;
}

/// A server of the test's own, which can be made full.
async fn own_redis() -> (OwnRedis, Options) {
    let redis = OwnRedis::start_with(&["--maxmemory-policy", "noeviction"]).await;
    let config = test_redis::config(&redis.url);
    (redis, config)
}

/// From now on it uses more than it may. Filling it up instead would leave room whenever a connection closes.
async fn make_full(redis: &OwnRedis) {
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
}

fn is_refused(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == "OOM")
}

#[tokio::test]
async fn full_redis_that_holds_nothing_is_left_alone_for_a_while() {
    let (redis, config) = own_redis().await;
    let things = Things::in_redis(config, "the one").await;
    let replica = things.replica().await;
    make_full(&redis).await;

    eventually("a read does without a lookup", async || {
        replica.reading(&(1..=40).collect::<Vec<_>>()).all().await;
        let before = redis.calls_of("mget").await;
        let read = replica.read(1).await;
        assert_eq!((body(&read), read.stored), (Some("the one"), false));
        redis.calls_of("mget").await == before
    })
    .await;
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;

    eventually("it is used again", async || replica.read(1).await.outcome == CacheOutcome::RedisHit).await;
}
