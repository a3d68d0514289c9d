//! Values past their soft end: one reader of all processes refreshes, all readers are served meanwhile, and what was loaded
//! before a write is never stored after it.

use std::time::Duration;

use aside_cache::{CacheOutcome, Ended, Fetched, WriteToken};
use aside_redis::Options;
use chrono::TimeDelta;
use futures::future::select_all;

use super::{
    cache_replica::CacheReplica,
    entries::{Entries, Held},
    eventually,
    things::{Things, body, entry, key, near, permits},
};
use crate::{
    own_redis::OwnRedis,
    proxy::{Proxy, Snare, Way},
    test_redis,
};

/// Where a value's refresh lease is: after `V`, format, identity, flags, version, soft end, cost and checksum.
const CLAIM: std::ops::Range<usize> = 39..63;

const NO_REFRESH_LEASE: [u8; 24] = [0; 24];

/// The first three of the things are cached, and past their soft ends by the clocks of these replicas.
async fn past_the_soft_end<const N: usize>(
    things: &Things,
    change: impl Fn(aside_cache::Options) -> aside_cache::Options,
) -> [CacheReplica; N] {
    let mut replicas = Vec::new();
    for _ in 0..N {
        replicas.push(aged(things, things.replica_with(&change).await).await);
    }
    let Ok(replicas) = replicas.try_into() else { unreachable!("as many as were made") };
    replicas
}

async fn aged(things: &Things, replica: CacheReplica) -> CacheReplica {
    for id in 2..=3 {
        things.set(&things.pool, id, "old").await;
    }
    things.replica().await.reading(&[1, 2, 3]).all().await;
    replica.clock.advance(TimeDelta::minutes(8));
    replica.hold_loads();
    replica
}

async fn refresh_lease(entries: &Entries, id: i64) -> Vec<u8> {
    let held = entries.bytes(&key(id)).await.expect("a value");
    held[CLAIM].to_vec()
}

/// A replica with near entries, past the soft ends.
async fn aged_near(things: &Things) -> CacheReplica {
    let replica = things.replica_with(near).await;
    // So that it listens: who is not told of fences keeps nothing.
    eventually("an absence is copied", async || replica.read(404).await.outcome == CacheOutcome::NearHit).await;
    aged(things, replica).await
}

const SHORT_LEASE: Duration = Duration::from_millis(50);

fn was_served_old(read: &Fetched) -> bool {
    body(read) == Some("old") && read.outcome == CacheOutcome::Stale
}

#[tokio::test]
async fn of_many_readers_and_processes_one_refreshes_and_all_are_served_meanwhile() {
    let things = Things::with("old").await;
    let replicas: [CacheReplica; 3] = past_the_soft_end(&things, |config| config).await;
    things.set(&things.pool, 1, "new").await;

    let readings: Vec<_> = (0..60).map(|reader| replicas[reader % 3].reading(&[1])).collect();
    let mut served = Vec::new();
    for reading in readings {
        served.push(reading.one().await);
    }
    let (load, _, _) = select_all(replicas.iter().map(|replica| Box::pin(replica.held_load()))).await;
    for replica in &replicas {
        served.push(replica.read(1).await);
        replica.settle().await;
    }
    let statements: usize = replicas.iter().map(CacheReplica::statements).sum();
    load.go_on();

    assert!(served.iter().all(was_served_old));
    assert_eq!(statements, 1);
    for replica in &replicas {
        replica.at_rest().await;
    }
    let after = replicas[0].read(1).await;
    assert_eq!((body(&after), after.outcome), (Some("new"), CacheOutcome::RedisHit));
}

#[tokio::test]
async fn a_value_far_from_its_soft_end_is_not_refreshed() {
    let things = Things::with("old").await;
    let (replica, entries) = (things.replica().await, things.entries().await);
    replica.read(1).await;

    for _ in 0..100 {
        assert_eq!(replica.read(1).await.outcome, CacheOutcome::RedisHit);
    }

    replica.at_rest().await;
    assert_eq!(refresh_lease(&entries, 1).await, NO_REFRESH_LEASE);
    assert_eq!(replica.statements(), 1);
}

#[tokio::test]
async fn an_absence_is_not_refreshed() {
    let things = Things::with("old").await;
    let (replica, entries) = (things.replica().await, things.entries().await);
    replica.read(7).await;
    replica.clock.advance(TimeDelta::minutes(8));

    replica.read(7).await;

    replica.at_rest().await;
    assert_eq!(refresh_lease(&entries, 7).await, NO_REFRESH_LEASE);
    assert_eq!(replica.statements(), 1);
}

#[tokio::test]
async fn what_is_due_in_one_read_is_refreshed_with_one_statement() {
    let things = Things::with("old").await;
    let [replica] = past_the_soft_end(&things, |config| config).await;

    assert!(replica.reading(&[1, 2, 3]).all().await.iter().all(was_served_old));

    let load = replica.held_load().await;
    assert_eq!(load.ids, [1, 2, 3]);
    load.go_on();
    replica.at_rest().await;
    assert_eq!(replica.read(2).await.outcome, CacheOutcome::RedisHit);
    assert_eq!((replica.statements(), replica.rejected_fills()), (1, 0));
}

#[tokio::test]
async fn what_comes_due_while_a_refresh_is_under_way_is_refreshed_after_it_with_one_statement() {
    let things = Things::with("old").await;
    let [replica] = past_the_soft_end(&things, |config| config).await;
    replica.read(1).await;
    let load = replica.held_load().await;

    for id in 2..=3 {
        assert!(was_served_old(&replica.read(id).await));
    }
    replica.settle().await;
    assert_eq!(replica.statements(), 1);
    load.go_on();

    let load = replica.held_load().await;
    assert_eq!(load.ids, [2, 3]);
    load.go_on();
    replica.at_rest().await;
    assert_eq!((replica.statements(), replica.rejected_fills()), (2, 0));
}

#[tokio::test]
async fn a_refresh_that_panics_holds_up_no_later_one() {
    let things = Things::with("old").await;
    let [replica] = past_the_soft_end(&things, |config| config).await;
    replica.read(1).await;
    let load = replica.held_load().await;
    replica.read(2).await;

    load.panic();

    let load = replica.held_load().await;
    assert_eq!(load.ids, [2]);
    load.go_on();
    replica.at_rest().await;
}

#[tokio::test]
async fn a_refreshed_value_is_a_near_entry() {
    let things = Things::with("old").await;
    let replica = aged_near(&things).await;
    let entries = things.entries().await;
    things.set(&things.pool, 1, "new").await;
    assert!(was_served_old(&replica.read(1).await));
    replica.held_load().await.go_on();

    eventually("it is stored", async || refresh_lease(&entries, 1).await == NO_REFRESH_LEASE).await;
    entries.evict(&key(1)).await;
    replica.settle().await;

    let read = replica.read(1).await;
    assert_eq!((read.outcome, body(&read)), (CacheOutcome::NearHit, Some("new")));
}

#[tokio::test]
async fn a_refreshed_value_that_a_write_has_replaced_is_no_near_entry() {
    let mut things = Things::with("older").await;
    let server = OwnRedis::start().await;
    things.redis = test_redis::config(&server.url);
    let (writer, entries) = (things.replica().await, things.entries().await);
    let proxy = things.by_way_of_a_proxy(&server).await;
    // Its near entries are kept by a subscriber that the proxy holds up, too: the message is on its way as long as the reply is.
    let reader = aged_near(&things).await;
    things.set(&things.pool, 1, "old").await;
    assert_eq!(body(&reader.read(1).await), Some("older"));
    let load = reader.held_load().await;
    proxy.set(Way::RepliesHeld);
    load.go_on();
    eventually("it is stored", async || refresh_lease(&entries, 1).await == NO_REFRESH_LEASE).await;

    things.write(&writer, 1, "new").await;
    proxy.set(Way::Open);
    reader.settle().await;
    reader.let_loads_pass();

    assert_eq!(body(&reader.read(1).await), Some("new"));
}

#[tokio::test]
async fn a_write_during_a_refresh_refuses_its_store() {
    let things = Things::with("old").await;
    let [reader, writer] = past_the_soft_end(&things, |config| config).await;
    assert!(was_served_old(&reader.read(1).await));
    let load = reader.held_load().await;

    things.write(&writer, 1, "new").await;
    load.go_on();
    reader.at_rest().await;

    assert_eq!(reader.rejected_fills(), 1);
    reader.let_loads_pass();
    assert_eq!(body(&reader.read(1).await), Some("new"));
}

#[tokio::test]
async fn a_refresh_stores_nothing_while_a_fence_is_there() {
    let things = Things::with("old").await;
    let [reader, writer] = past_the_soft_end(&things, |config| config).await;
    assert!(was_served_old(&reader.read(1).await));
    let load = reader.held_load().await;

    let fence = writer.cache.fence(WriteToken::random(), vec![entry(1)]).await;
    load.go_on();
    reader.at_rest().await;

    assert_eq!(things.entries().await.held(&key(1)).await, Held::Fence);
    assert_eq!(reader.rejected_fills(), 1);
    fence.release(Ended::Committed).await;
}

#[tokio::test]
async fn a_refresh_stores_nothing_over_what_was_filled_since_a_write() {
    let things = Things::with("old").await;
    let [reader, writer] = past_the_soft_end(&things, |config| config).await;
    reader.read(1).await;
    let load = reader.held_load().await;
    things.write(&writer, 1, "new").await;
    writer.let_loads_pass();
    assert!(writer.read(1).await.stored);

    load.go_on();
    reader.at_rest().await;

    assert_eq!(body(&writer.read(1).await), Some("new"));
    assert_eq!(reader.rejected_fills(), 1);
}

#[tokio::test]
async fn a_dead_refreshers_lease_is_taken_over_and_its_late_fill_is_refused() {
    let things = Things::with("old").await;
    let [dead, heir] = past_the_soft_end(&things, |config| aside_cache::Options { lease: SHORT_LEASE, ..config }).await;
    assert!(was_served_old(&dead.read(1).await));
    let too_late = dead.held_load().await;
    things.set(&things.pool, 1, "new").await;

    eventually("another reader refreshes", async || {
        assert!(was_served_old(&heir.read(1).await));
        heir.statements() == 1
    })
    .await;
    too_late.go_on();
    dead.at_rest().await;
    heir.held_load().await.go_on();
    heir.at_rest().await;

    assert_eq!((dead.rejected_fills(), heir.rejected_fills()), (1, 0));
    assert_eq!(body(&heir.read(1).await), Some("new"));
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_value_and_is_not_tried_again_at_once() {
    let things = Things::with("old").await;
    let [replica] = past_the_soft_end(&things, |config| config).await;
    replica.read(1).await;

    replica.held_load().await.fail();
    replica.at_rest().await;
    for _ in 0..20 {
        assert!(was_served_old(&replica.read(1).await));
    }
    replica.at_rest().await;

    assert_eq!(replica.statements(), 1);
}

#[tokio::test]
async fn a_refresh_that_failed_or_panicked_is_tried_again_after_a_lease() {
    let things = Things::with("old").await;
    let [replica] = past_the_soft_end(&things, |config| aside_cache::Options { lease: SHORT_LEASE, ..config }).await;
    replica.read(1).await;
    replica.held_load().await.fail();
    things.set(&things.pool, 1, "new").await;

    eventually("another refresh begins", async || {
        assert!(was_served_old(&replica.read(1).await));
        replica.statements() == 2
    })
    .await;
    replica.held_load().await.panic();
    replica.let_loads_pass();

    eventually("a refresh stores", async || body(&replica.read(1).await) == Some("new")).await;
}

#[tokio::test]
async fn a_refresh_lease_without_an_answer_loads_nothing() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let redis = test_redis::config(&proxy.url(&test_redis::url()));
    let things = Things::in_redis(Options { command_timeout: Duration::from_millis(500), ..redis }, "old").await;
    let entries = things.entries_past_the_proxy().await;
    entries.know(include_str!("../../../crates/aside-cache/src/protocol/scripts/refresh_lease.lua")).await;
    let [replica] = past_the_soft_end(&things, |config| config).await;
    replica.let_loads_pass();

    // The token of the refresh lease comes after this in the request, and a lookup has none.
    proxy.lay(Some(Snare::Request("EVALSHA")));
    let read = replica.read(1).await;
    eventually("the refresh lease was taken", async || refresh_lease(&entries, 1).await != NO_REFRESH_LEASE).await;
    replica.at_rest().await;

    assert!(was_served_old(&read));
    assert_eq!(replica.statements(), 0);
}

#[tokio::test]
async fn a_refresh_that_finds_no_turn_is_dropped() {
    let things = Things::with("old").await;
    let (replica, entries) = (things.replica_for(|config| config, permits(1)).await, things.entries().await);
    let replica = aged(&things, replica).await;
    let missing = replica.reading(&[7]);
    let load = replica.held_load().await;

    assert!(was_served_old(&replica.read(1).await));
    replica.settle().await;

    assert_eq!(refresh_lease(&entries, 1).await, NO_REFRESH_LEASE, "another load may have the permit");
    assert_eq!(replica.statements(), 1);
    load.go_on();
    missing.all().await;
    replica.read(1).await;
    replica.held_load().await.go_on();
}

#[tokio::test]
async fn refreshes_leave_permits_to_readers() {
    let things = Things::with("old").await;
    // Room for one refresh.
    let replica = aged(&things, things.replica_for(|config| config, permits(4)).await).await;
    replica.read(1).await;
    let load = replica.held_load().await;

    assert!(was_served_old(&replica.read(2).await));
    replica.settle().await;

    assert_eq!(replica.statements(), 1);
    replica.let_loads_pass();
    assert_eq!(body(&replica.read(7).await), None);
    load.go_on();
}
