//! Readers that find another process at work: under another's lease, under a fence.

use std::{sync::Arc, time::Duration};

use aside_cache::{CacheOutcome, Ended, WriteToken};
use tokio::task::JoinHandle;

use super::{
    cache_replica::CacheReplica,
    entries::Held,
    things::{Things, body, entry, key, near},
};

#[tokio::test]
async fn readers_wait_for_the_lease_of_another_replica() {
    let things = Things::with("the one").await;
    let (holder, waiter) = (things.replica().await, things.replica().await);
    holder.hold_loads();
    let loading = holder.reading(&[1]);
    let load = holder.held_load().await;
    let waiting: Vec<_> = (0..10).map(|_| waiter.reading(&[1])).collect();
    waiter.settle().await;

    load.go_on();

    assert!(loading.one().await.stored);
    for reader in waiting {
        let read = reader.one().await;
        assert_eq!((body(&read), read.outcome), (Some("the one"), CacheOutcome::Collapsed));
    }
    assert_eq!((holder.statements(), waiter.statements()), (1, 0));
}

#[tokio::test]
async fn a_reader_that_has_waited_long_enough_loads_without_storing() {
    let things = Things::with("the one").await;
    let holder = things.replica().await;
    let short = Duration::from_millis(100);
    let waiter = things.replica_with(|config| aside_cache::Options { lease_wait: short, ..config }).await;
    holder.hold_loads();
    let loading = holder.reading(&[1]);
    let load = holder.held_load().await;

    let read = waiter.read(1).await;

    assert_eq!((body(&read), read.outcome, read.stored), (Some("the one"), CacheOutcome::Bypass, false));
    load.go_on();
    assert!(loading.one().await.stored, "the lease was left to its owner");
}

#[tokio::test]
async fn a_lease_whose_owner_died_is_taken_over_when_it_has_run_out() {
    let things = Things::with("the one").await;
    let short = Duration::from_millis(200);
    let owner = things.replica_with(|config| aside_cache::Options { lease: short, ..config }).await;
    let heir = things.replica().await;
    owner.hold_loads();
    let _dead = owner.reading(&[1]);
    let load = owner.held_load().await;

    let read = heir.read(1).await;

    assert_eq!((body(&read), read.stored), (Some("the one"), true));
    load.go_on();
}

#[tokio::test]
async fn under_a_fence_a_replica_has_one_load_under_way() {
    let things = Things::with("the one").await;
    let (replica, writer) = (things.replica().await, things.replica().await);
    let fence = writer.cache.fence(WriteToken::random(), vec![entry(1)]).await;
    replica.hold_loads();
    let first = replica.reading(&[1]);
    let load = replica.held_load().await;
    let others: Vec<_> = (0..100).map(|_| replica.reading(&[1])).collect();
    replica.settle().await;

    assert_eq!(replica.statements(), 1, "the others wait for their permit");
    load.go_on();
    replica.held_load().await.go_on();

    for reader in others.into_iter().chain([first]) {
        let read = reader.one().await;
        assert_eq!((body(&read), read.stored), (Some("the one"), false));
    }
    assert_eq!((replica.statements(), replica.most_at_once()), (2, 1));
    assert_eq!(things.entries().await.held(&key(1)).await, Held::Fence);
    fence.release(Ended::Committed).await;
}

/// Reads the thing again and again.
fn read_on(replica: &Arc<CacheReplica>) -> JoinHandle<()> {
    let replica = Arc::clone(replica);
    tokio::spawn(async move {
        loop {
            replica.read(1).await;
            tokio::task::yield_now().await;
        }
    })
}

#[tokio::test]
async fn write_of_a_hot_entry_costs_one_load_for_all_replicas() {
    const WRITES: usize = 10;
    let things = Things::with("write 0").await;
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let patient = |config| aside_cache::Options { fence_wait: Duration::from_mins(2), ..near(config) };
        replicas.push(Arc::new(things.replica_with(patient).await));
    }
    let readers: Vec<_> = (0..12).map(|reader| read_on(&replicas[reader % 3])).collect();

    for write in 1..=WRITES {
        let fence = replicas[0].cache.fence(WriteToken::random(), vec![entry(1)]).await;
        for _ in 0..5 {
            replicas[write % 3].settle().await;
        }
        things.set(&things.pool, 1, &format!("write {write}")).await;
        fence.release(Ended::Committed).await;
        for replica in &replicas {
            assert_eq!(body(&replica.read(1).await), Some(&*format!("write {write}")));
        }
    }
    readers.iter().for_each(JoinHandle::abort);

    let loads: u64 = replicas.iter().map(|replica| replica.counted_loads()).sum();
    // One before the first write; some before a replica hears of fences.
    assert!(loads <= (WRITES + 1 + replicas.len()) as u64, "{loads} loads for {WRITES} writes");
}

#[tokio::test]
async fn reader_loads_without_storing_when_a_fence_stays() {
    let things = Things::with("the one").await;
    let short = Duration::from_millis(20);
    let reader = things.replica_with(|config| aside_cache::Options { fence_wait: short, ..config }).await;
    let fence = reader.cache.fence(WriteToken::random(), vec![entry(1)]).await;

    let read = reader.read(1).await;

    assert_eq!((body(&read), read.outcome, read.stored), (Some("the one"), CacheOutcome::Bypass, false));
    fence.release(Ended::Committed).await;
}

#[tokio::test]
async fn each_answer_under_a_fence_is_newer_than_its_question() {
    let things = Things::with("old").await;
    let (replica, writer) = (things.replica().await, things.replica().await);
    let fence = writer.cache.fence(WriteToken::random(), vec![entry(1)]).await;
    replica.hold_loads();
    let early = replica.reading(&[1]);
    let load = replica.held_load().await;
    things.set(&things.pool, 1, "new").await;

    let late = replica.reading(&[1]);
    replica.settle().await;
    load.go_on();
    replica.held_load().await.go_on();

    assert_eq!(body(&early.one().await), Some("old"));
    assert_eq!(body(&late.one().await), Some("new"));
    fence.release(Ended::Committed).await;
}
