//! Fences that may have been set too late: after the row locks were gone such a fence may stand where the next writer's
//! stood, so its own writer leaves it to run out.

use std::time::Duration;

use aside_cache::Ended;
use aside_redis::Options;
use redis::Value;

use super::{
    entries::Held,
    eventually,
    things::{Things, body, entry, key},
};
use crate::{
    proxy::{Proxy, Way},
    test_redis,
};

#[tokio::test]
async fn a_fence_is_released_when_its_transaction_is_committed() {
    let things = Things::with("old").await;
    let (writer, entries) = (things.replica().await, things.entries().await);

    let fence = writer.cache.fence(aside_cache::WriteToken::random(), vec![entry(1)]).await;
    assert_eq!(entries.held(&key(1)).await, Held::Fence);
    fence.release(Ended::Committed).await;

    assert_eq!(entries.held(&key(1)).await, Held::Nothing);
}

#[tokio::test]
async fn a_fence_is_left_alone_when_its_transaction_was_rolled_back() {
    let things = Things::with("old").await;
    let (writer, entries) = (things.replica().await, things.entries().await);

    writer.cache.fence(aside_cache::WriteToken::random(), vec![entry(1)]).await.release(Ended::RolledBack).await;

    assert_eq!(entries.held(&key(1)).await, Held::Fence, "its row locks may have been gone before it was set");
    assert!(entries.life_ms(&key(1)).await > 0);
    assert_eq!(body(&writer.read(1).await), Some("old"));
    assert_eq!(entries.held(&key(1)).await, Held::Fence, "what is read under it is not stored");
}

#[tokio::test]
async fn a_fence_without_an_answer_is_left_alone() {
    let (proxy, things) = behind_a_proxy("old").await;
    let (writer, entries) = (things.replica().await, things.entries().await);
    writer.cache.fence(aside_cache::WriteToken::random(), vec![entry(2)]).await.release(Ended::Committed).await;
    proxy.set(Way::RepliesHeld);
    let fence = writer.cache.fence(aside_cache::WriteToken::random(), vec![entry(1)]).await;
    proxy.set(Way::Open);

    // Whatever became of its connection meanwhile, the release itself gets through.
    things.replica().await;
    fence.release(Ended::Committed).await;

    assert_eq!(entries.held(&key(1)).await, Held::Fence);
    assert!(entries.life_ms(&key(1)).await > 0);
}

#[tokio::test]
async fn an_unsure_release_deletes_a_stale_fill_all_the_same() {
    let (proxy, things) = behind_a_proxy("old").await;
    let (writer, reader, entries) = (things.replica().await, things.replica().await, things.entries().await);
    writer.cache.fence(aside_cache::WriteToken::random(), vec![entry(2)]).await.release(Ended::Committed).await;
    proxy.set(Way::RepliesHeld);
    let fence = writer.cache.fence(aside_cache::WriteToken::random(), vec![entry(1)]).await;
    proxy.set(Way::Open);
    entries.evict(&key(1)).await;
    eventually("a reader has filled the entry", async || {
        reader.read(1).await;
        entries.held(&key(1)).await == Held::Value
    })
    .await;

    things.set(&things.pool, 1, "new").await;
    fence.release(Ended::Committed).await;

    assert_eq!(entries.held(&key(1)).await, Held::Nothing);
    assert_eq!(body(&reader.read(1).await), Some("new"));
}

#[tokio::test]
async fn a_release_leaves_the_fence_of_the_next_writer() {
    let things = Things::with("old").await;
    let (first, second, entries) = (things.replica().await, things.replica().await, things.entries().await);
    let early = first.cache.fence(aside_cache::WriteToken::random(), vec![entry(1)]).await;
    let late = second.cache.fence(aside_cache::WriteToken::random(), vec![entry(1)]).await;

    early.release(Ended::Committed).await;
    assert_eq!(entries.held(&key(1)).await, Held::Fence);
    late.release(Ended::Committed).await;

    assert_eq!(entries.held(&key(1)).await, Held::Nothing);
}

#[tokio::test]
async fn a_dropped_fence_runs_out_by_itself() {
    let things = Things::with("old").await;
    let short = Duration::from_millis(200);
    let writer = things.replica_with(|config| aside_cache::Options { fence: short, ..config }).await;
    let entries = things.entries().await;

    drop(writer.cache.fence(aside_cache::WriteToken::random(), vec![entry(1)]).await);

    assert!(matches!(entries.command("PTTL", &key(1), &[]).await, Value::Int(-2..=200)));
    entries.until(&key(1), Held::Nothing).await;
    assert!(writer.read(1).await.stored);
}

/// Replies of Redis are given up after 200 ms; the proxy can hold them for longer.
async fn behind_a_proxy(first: &str) -> (Proxy, Things) {
    let proxy = Proxy::start(&test_redis::url()).await;
    let config = test_redis::config(&proxy.url(&test_redis::url()));
    let config = Options { command_timeout: Duration::from_millis(200), ..config };
    (proxy, Things::in_redis(config, first).await)
}

#[tokio::test]
async fn a_lease_without_an_answer_grants_nothing() {
    let (proxy, things) = behind_a_proxy("the one").await;
    let (reader, entries) = (things.replica().await, things.entries_past_the_proxy().await);
    reader.hold_loads();
    proxy.set(Way::RepliesHeld);
    let reading = reader.reading(&[1]);
    let load = reader.held_load().await;
    let held = entries.held(&key(1)).await;
    proxy.set(Way::Open);
    load.go_on();

    let read = reading.one().await;

    assert_eq!(held, Held::Lease, "it was taken, but the reply was lost");
    assert_eq!((body(&read), read.stored), (Some("the one"), false));
    assert_eq!(entries.held(&key(1)).await, Held::Lease);
}
