//! Copies in the process: what is kept, what empties a slot, and what a reader does when it was not told.
//!
//! A write without its message is made by hand: what `fence.lua` and `release.lua` do, without the message.

use aside_cache::{CacheOutcome, Ended, Released, WriteToken, forget_freshness_check, share_freshness_check};
use tokio::time::{Duration, Instant, sleep};

use super::{
    cache_replica::CacheReplica,
    entries::Entries,
    eventually,
    things::{Things, body, entry, key, near},
};
use crate::{own_redis::OwnRedis, proxy::Way, test_redis};

/// A replica that has a near entry of the first thing.
async fn with_a_copy(things: &Things) -> CacheReplica {
    let replica = things.replica_with(near).await;
    until_copied(&replica).await;
    replica
}

async fn until_copied(replica: &CacheReplica) {
    eventually("there is a near entry", async || has_near_entry(replica).await).await;
}

async fn has_near_entry(replica: &CacheReplica) -> bool {
    replica.read(1).await.outcome == CacheOutcome::NearHit
}

/// How often this server carried out a `GET`: freshness checks, while no other command is sent.
async fn freshness_checks(server: &OwnRedis) -> u64 {
    server.calls_of("get").await
}

/// How long a writer waits after its fence: until freshness checks that were issued before are over.
const WAIT: Duration = Duration::from_millis(4);
/// For how long a freshness check is good.
const LOOK_LIFE: Duration = Duration::from_millis(3);

/// Fences the first thing, changes it, and releases the fence; the message is lost.
async fn write_unheard(things: &Things, entries: &Entries, text: &str) {
    entries.command("SET", &key(1), &[b"Funheard-of-token", b"PX", b"60000"]).await;
    entries.command("INCR", "sequence", &[]).await;
    sleep(WAIT).await;
    things.set(&things.pool, 1, text).await;
    entries.evict(&key(1)).await;
}

#[tokio::test]
async fn a_near_hit_needs_no_entry_in_redis() {
    let things = Things::with("x").await;
    let replica = with_a_copy(&things).await;

    things.entries().await.evict(&key(1)).await;
    let read = replica.read(1).await;

    assert_eq!((read.outcome, body(&read), replica.statements()), (CacheOutcome::NearHit, Some("x"), 1));
}

#[tokio::test]
async fn what_was_filled_is_kept_and_what_was_found_too() {
    let things = Things::with("x").await;
    let filler = with_a_copy(&things).await;
    let finder = with_a_copy(&things).await;

    assert_eq!((filler.statements(), finder.statements()), (1, 0));
}

#[tokio::test]
async fn an_absence_is_kept_too() {
    let things = Things::with("x").await;
    let replica = with_a_copy(&things).await;

    replica.read(404).await;
    let read = replica.read(404).await;

    assert_eq!((read.outcome, body(&read)), (CacheOutcome::NearHit, None));
}

#[tokio::test]
async fn no_read_that_begins_after_a_write_was_answered_shows_an_older_near_entry() {
    let things = Things::with("0").await;
    let (reader, writer) = (with_a_copy(&things).await, things.replica_with(near).await);

    for number in 1..100 {
        let text = number.to_string();
        things.write(&writer, 1, &text).await;
        assert_eq!(body(&reader.read(1).await), Some(&*text));
        assert_eq!(body(&writer.read(1).await), Some(&*text));
        // Now both have a near entry, which the next write has to reach.
        assert!(has_near_entry(&reader).await);
    }
}

#[tokio::test]
async fn invalidation_message_lost() {
    let things = Things::with("old").await;
    let replica = with_a_copy(&things).await;

    write_unheard(&things, &things.entries().await, "new").await;

    assert_eq!(body(&replica.read(1).await), Some("new"));
}

#[tokio::test]
async fn invalidation_message_lost_while_a_fill_runs() {
    let things = Things::with("old").await;
    let replica = things.replica_with(near).await;
    replica.hold_loads();
    let reading = replica.reading(&[1]);
    let load = replica.held_load().await;

    write_unheard(&things, &things.entries().await, "new").await;
    load.go_on();
    reading.one().await;
    replica.let_loads_pass();

    assert_eq!(body(&replica.read(1).await), Some("new"));
}

#[tokio::test]
async fn a_value_that_a_fence_has_overtaken_is_not_kept() {
    let things = Things::with("old").await;
    let (replica, writer) = (things.replica_with(near).await, things.replica().await);
    // So that it listens.
    eventually("another thing is copied", async || replica.read(2).await.outcome == CacheOutcome::NearHit).await;
    replica.hold_loads();
    let reading = replica.reading(&[1]);
    let load = replica.held_load().await;

    let fence = writer.cache.fence(WriteToken::random(), vec![entry(1)]).await;
    load.go_on();
    assert_eq!(body(&reading.one().await), Some("old"));
    replica.let_loads_pass();
    things.set(&things.pool, 1, "new").await;

    let under_the_fence = replica.read(1).await;
    assert_eq!((under_the_fence.outcome, body(&under_the_fence)), (CacheOutcome::Bypass, Some("new")));
    assert_eq!(replica.read(1).await.outcome, CacheOutcome::Bypass, "what was loaded under a fence is not kept");
    drop(fence);
}

#[tokio::test]
async fn writer_goes_on_when_no_older_freshness_check_is_good() {
    let things = Things::with("x").await;
    let (writer, entries, names) = (things.replica().await, things.entries().await, vec![entry(1)]);

    let began = Instant::now();
    let fence = writer.cache.fence(WriteToken::random(), names.clone()).await;
    let fenced = began.elapsed();
    entries.evict(&key(1)).await;
    let began = Instant::now();
    assert_eq!(fence.release(Ended::Committed).await, Released::Confirmed);
    let released = began.elapsed();
    let began = Instant::now();
    writer.cache.invalidate_committed(&names).await.expect("redis is there");
    let invalidated = began.elapsed();

    for waited in [fenced, released, invalidated] {
        assert!(waited > LOOK_LIFE, "{waited:?}");
    }
}

#[tokio::test]
async fn a_sequence_that_was_lost_goes_on_above_every_number_used() {
    let things = Things::with("old").await;
    let (replica, entries) = (with_a_copy(&things).await, things.entries().await);
    let number = async || String::from_utf8(entries.bytes("sequence").await.expect("it is there")).expect("digits");
    let before: u64 = number().await.parse().expect("a number");

    entries.evict("sequence").await;
    entries.evict(&key(1)).await;
    sleep(WAIT).await;
    things.set(&things.pool, 1, "new").await;

    assert_eq!(body(&replica.read(1).await), Some("new"));
    let after: u64 = number().await.parse().expect("a number");
    assert!(after > before, "{before} {after}");
    assert!(entries.life_ms("sequence").await > 0);
}

#[tokio::test]
async fn a_replica_that_cannot_subscribe_has_no_near_entries_until_it_can() {
    let server = OwnRedis::start().await;
    let things = Things::in_redis(test_redis::config(&server.url), "old").await;
    let (replica, entries) = (with_a_copy(&things).await, things.entries().await);

    server.command(&["ACL", "SETUSER", "default", "resetchannels"]).await;
    server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    write_unheard(&things, &entries, "new").await;

    assert_eq!(body(&replica.read(1).await), Some("new"));
    assert_ne!(replica.read(1).await.outcome, CacheOutcome::NearHit);
    server.command(&["ACL", "SETUSER", "default", "allchannels"]).await;
    until_copied(&replica).await;
}

#[tokio::test]
async fn a_write_that_redis_refused_to_fence_is_seen_by_the_next_reader() {
    let server = OwnRedis::start().await;
    let things = Things::in_redis(test_redis::config(&server.url), "old").await;
    let replica = with_a_copy(&things).await;

    server.command(&["ACL", "SETUSER", "default", "-evalsha"]).await;
    things.write(&replica, 1, "new").await;

    let read = replica.read(1).await;
    assert_eq!((read.outcome, body(&read)), (CacheOutcome::Bypass, Some("new")));
}

#[tokio::test]
async fn a_redis_that_lost_its_data_leaves_no_near_entries() {
    let server = OwnRedis::start().await;
    let things = Things::in_redis(test_redis::config(&server.url), "old").await;
    let replica = with_a_copy(&things).await;

    server.command(&["FLUSHALL"]).await;
    sleep(WAIT).await;
    things.set(&things.pool, 1, "new").await;

    assert_eq!(body(&replica.read(1).await), Some("new"));
}

#[tokio::test]
async fn recent_freshness_check_is_good_where_some_staleness_is_allowed() {
    let server = OwnRedis::start().await;
    let things = Things::in_redis(test_redis::config(&server.url), "old").await;
    let replica = things
        .replica_with(|config| aside_cache::Options { max_staleness: Duration::from_mins(1), ..near(config) })
        .await;
    until_copied(&replica).await;
    let (entries, writer) = (things.entries().await, things.replica().await);

    let before = freshness_checks(&server).await;
    write_unheard(&things, &entries, "unheard").await;
    let unheard = replica.read(1).await;

    assert_eq!((body(&unheard), freshness_checks(&server).await), (Some("old"), before));
    // A message is applied all the same. This one tells that one was lost.
    things.write(&writer, 2, "other").await;
    eventually("the messages are applied", async || body(&replica.read(1).await) == Some("unheard")).await;
}

#[tokio::test]
async fn freshness_check_that_is_older_than_the_allowed_staleness_is_not_good() {
    let things = Things::with("old").await;
    let replica = things
        .replica_with(|config| aside_cache::Options { max_staleness: Duration::from_millis(1), ..near(config) })
        .await;
    until_copied(&replica).await;

    write_unheard(&things, &things.entries().await, "new").await;

    eventually("the next freshness check", async || body(&replica.read(1).await) == Some("new")).await;
}

#[tokio::test]
async fn freshness_check_from_before_a_write_is_not_good_for_a_read_after_it() {
    let server = OwnRedis::start().await;
    let mut things = Things::in_redis(test_redis::config(&server.url), "old").await;
    let entries = things.entries().await;
    let proxy = things.by_way_of_a_proxy(&server).await;
    let replica = with_a_copy(&things).await;
    sleep(WAIT).await;
    let before = freshness_checks(&server).await;
    proxy.set(Way::RepliesHeld);
    let early = replica.reading(&[1]);
    eventually("a freshness check is under way", async || freshness_checks(&server).await > before).await;

    write_unheard(&things, &entries, "new").await;
    let late = replica.reading(&[1]);
    tokio::task::yield_now().await;
    proxy.set(Way::Open);

    assert_eq!(body(&late.one().await), Some("new"));
    early.one().await;
}

#[tokio::test]
async fn the_reads_of_a_request_share_one_freshness_check() {
    let server = OwnRedis::start().await;
    let things = Things::in_redis(test_redis::config(&server.url), "old").await;
    let (replica, entries) = (with_a_copy(&things).await, things.entries().await);
    sleep(WAIT).await;

    let before = freshness_checks(&server).await;
    let (unheard, heard) = share_freshness_check(async {
        for _read in 0..10 {
            assert!(has_near_entry(&replica).await);
        }
        assert_eq!(freshness_checks(&server).await, before + 1);
        write_unheard(&things, &entries, "new").await;
        let unheard = replica.read(1).await;
        forget_freshness_check();
        (unheard, replica.read(1).await)
    })
    .await;

    assert_eq!(body(&unheard), Some("old"), "the request had begun before the write");
    assert_eq!(body(&heard), Some("new"), "but what it reads after a write of its own is new");
}

#[tokio::test]
async fn readers_that_wait_share_one_freshness_check() {
    let server = OwnRedis::start().await;
    let things = Things::in_redis(test_redis::config(&server.url), "x").await;
    let replica = with_a_copy(&things).await;
    sleep(WAIT).await;

    let before = freshness_checks(&server).await;
    let readings: Vec<_> = (0..500).map(|_| replica.reading(&[1])).collect();
    for reading in readings {
        assert_eq!(reading.one().await.outcome, CacheOutcome::NearHit);
    }

    let checks = freshness_checks(&server).await - before;
    assert!((1..=5).contains(&checks), "{checks} freshness checks for 500 readers");
}
