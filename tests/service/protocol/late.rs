//! What arrives after a write that it does not know of: fills, answers, fills under the name of another.

use super::{
    entries::Held,
    held_lookups::HeldLookups,
    things::{Things, body, key},
};

#[tokio::test]
async fn late_fill_after_invalidate() {
    let things = Things::with("old").await;
    let (reader, writer) = (things.replica().await, things.replica().await);
    reader.hold_loads();
    let reading = reader.reading(&[1]);
    let load = reader.held_load().await;

    things.write(&writer, 1, "new").await;
    load.go_on();

    let began_before_the_write = reading.one().await;
    reader.let_loads_pass();
    assert_eq!(body(&writer.read(1).await), Some("new"));
    assert_eq!(body(&reader.read(1).await), Some("new"));
    assert_eq!((body(&began_before_the_write), began_before_the_write.stored), (Some("old"), false));
    assert_eq!(reader.rejected_fills(), 1);
}

#[tokio::test]
async fn late_fill_while_the_fence_is_there() {
    let things = Things::with("old").await;
    let (reader, writer) = (things.replica().await, things.replica().await);
    reader.hold_loads();
    let reading = reader.reading(&[1]);
    let load = reader.held_load().await;

    let fence = writer.cache.fence(aside_cache::WriteToken::random(), vec![super::things::entry(1)]).await;
    load.go_on();
    reading.all().await;

    assert_eq!(things.entries().await.held(&key(1)).await, Held::Fence);
    drop(fence);
}

#[tokio::test]
async fn late_fill_after_the_relay_has_invalidated_what_another_program_wrote() {
    let things = Things::with("old").await;
    let (reader, relay) = (things.replica().await, things.replica().await);
    reader.hold_loads();
    let reading = reader.reading(&[1]);
    let load = reader.held_load().await;

    things.set(&things.pool, 1, "new").await;
    relay.cache.invalidate_committed(&[super::things::entry(1)]).await.expect("redis answers");
    load.go_on();
    reading.one().await;
    reader.let_loads_pass();

    assert_eq!(body(&relay.read(1).await), Some("new"));
    assert_eq!(reader.rejected_fills(), 1);
}

#[tokio::test]
async fn joining_a_dead_flight() {
    let things = Things::with("old").await;
    let replica = things.replica().await;
    replica.hold_loads();
    let early = replica.reading(&[1]);
    let load = replica.held_load().await;
    things.write(&replica, 1, "new").await;

    let late = replica.reading(&[1]);
    replica.settle().await;
    replica.let_loads_pass();
    load.go_on();

    let late = late.all().await;
    assert_eq!(body(&late[0]), Some("new"), "it began after the write was answered");
    early.all().await;
    assert_eq!(replica.statements(), 2);
}

#[tokio::test]
async fn lookup_that_was_issued_before_a_write_is_not_shared_with_a_later_reader() {
    let (lookups, early) = HeldLookups::of_one_reader("old").await;
    lookups.things.write(&lookups.writer, 1, "new").await;

    let late = lookups.reader.reading(&[1]);
    lookups.let_go().await;

    assert_eq!(body(&early.one().await), Some("old"));
    assert_eq!(body(&late.one().await), Some("new"), "it began after the write was answered");
}

#[tokio::test]
async fn lease_reused_by_its_owner() {
    let things = Things::with("old").await;
    let first = things.replica().await;
    let second = first.twin(&things);
    first.hold_loads();
    second.hold_loads();
    let reading_old = first.reading(&[1]);
    let old = first.held_load().await;
    things.write(&first, 1, "new").await;
    let reading_new = second.reading(&[1]);
    let new = second.held_load().await;

    old.go_on();
    let refused = reading_old.one().await;
    new.go_on();
    let stored = reading_new.one().await;

    assert_eq!(body(&things.replica().await.read(1).await), Some("new"));
    assert!(!refused.stored, "the lease that it was made under is gone");
    assert!(stored.stored, "its lease still stands");
}
