//! Many entries in one read: one lookup, one statement, and no reader waits for another's entry.

use aside_cache::CacheOutcome;
use futures::future::join_all;

use super::{
    entries::Held,
    things::{Things, body, key, permits},
};

async fn three_things() -> Things {
    let things = Things::with("one").await;
    things.set(&things.pool, 2, "two").await;
    things.set(&things.pool, 3, "three").await;
    things
}

#[tokio::test]
async fn a_batch_asks_for_each_entry_once_and_in_one_statement() {
    let things = three_things().await;
    let replica = things.replica().await;
    replica.hold_loads();

    let reading = replica.reading(&[3, 1, 3, 2, 1]);
    let load = replica.held_load().await;
    let asked = load.ids.clone();
    load.go_on();

    let read = reading.all().await;
    let bodies: Vec<_> = read.iter().map(|read| body(read).expect("it is there")).collect();
    assert_eq!(bodies, ["three", "one", "three", "two", "one"]);
    assert_eq!(asked, [3, 1, 2]);
    assert_eq!((replica.statements(), replica.counted_loads()), (1, 3));
    assert!(read.iter().all(|read| read.stored));
}

#[tokio::test]
async fn a_batch_loads_what_is_missing_only() {
    let things = three_things().await;
    let replica = things.replica().await;
    replica.read(2).await;
    replica.hold_loads();

    let reading = replica.reading(&[1, 2, 3]);
    let load = replica.held_load().await;
    let asked = load.ids.clone();
    load.go_on();

    let read = reading.all().await;
    let outcomes: Vec<_> = read.iter().map(|read| read.outcome).collect();
    assert_eq!(asked, [1, 3]);
    assert_eq!(outcomes, [CacheOutcome::Miss, CacheOutcome::RedisHit, CacheOutcome::Miss]);
}

#[tokio::test]
async fn a_lost_lease_does_not_hold_up_the_rest_of_its_batch() {
    let things = three_things().await;
    let (holder, replica, entries) = (things.replica().await, things.replica().await, things.entries().await);
    holder.hold_loads();
    let loading = holder.reading(&[1]);
    let held = holder.held_load().await;

    let batch = replica.reading(&[1, 2, 3]);
    entries.until(&key(2), Held::Value).await;
    entries.until(&key(3), Held::Value).await;
    let others = [replica.read(2).await, replica.read(3).await];

    assert!(!batch.is_over(), "its first entry is another's to load");
    assert_eq!(others.each_ref().map(|read| read.outcome), [CacheOutcome::RedisHit; 2]);
    held.go_on();
    loading.all().await;
    let read = batch.all().await;
    let outcomes: Vec<_> = read.iter().map(|read| read.outcome).collect();
    assert_eq!(outcomes, [CacheOutcome::Collapsed, CacheOutcome::Miss, CacheOutcome::Miss]);
    assert_eq!(replica.statements(), 1);
}

#[tokio::test]
async fn a_refused_fill_leaves_the_rest_of_its_batch() {
    let things = three_things().await;
    let (replica, writer, entries) = (things.replica().await, things.replica().await, things.entries().await);
    replica.hold_loads();
    let reading = replica.reading(&[1, 2, 3]);
    let load = replica.held_load().await;

    things.write(&writer, 2, "two, changed").await;
    load.go_on();

    let read = reading.all().await;
    let stored: Vec<_> = read.iter().map(|read| read.stored).collect();
    assert_eq!(stored, [true, false, true]);
    assert_eq!(entries.held(&key(2)).await, Held::Nothing);
    replica.let_loads_pass();
    assert_eq!(body(&replica.read(2).await), Some("two, changed"));
}

#[tokio::test]
async fn batches_that_overlap_share_their_loads() {
    let things = three_things().await;
    let replica = things.replica().await;

    let (one, other) = (replica.reading(&[1, 2]), replica.reading(&[2, 3]));

    for reading in [one, other] {
        assert_eq!(reading.all().await.len(), 2);
    }
    assert_eq!(replica.counted_loads(), 3);
}

#[tokio::test]
async fn readers_that_arrive_during_a_load_load_as_one_batch_and_are_not_delayed_by_it_for_long() {
    const READERS: i64 = 20;
    let things = Things::with("the one").await;
    let replica = things.replica_for(|config| config, permits(2 + usize::try_from(READERS).expect("a few"))).await;
    replica.hold_loads();
    let ahead = replica.reading(&[1]);
    let load = replica.held_load().await;
    replica.let_loads_pass();

    let others = join_all((2..2 + READERS).map(|id| replica.try_read(id))).await;

    assert!(others.iter().all(Result::is_ok), "{others:?}");
    assert!(!ahead.is_over());
    assert!(replica.statements() <= 1 + 10, "{} statements for {READERS} readers", replica.statements());
    load.go_on();
    assert_eq!(body(&ahead.one().await), Some("the one"));
}
