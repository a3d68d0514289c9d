//! What is in an entry: values with their lives, absences, and what this version cannot read.

use aside_cache::CacheOutcome;
use reqwest::StatusCode;

use super::{
    cache_replica::CacheReplica,
    entries::{Entries, Held},
    eventually,
    things::{Things, body, key},
};
use crate::application::Backend;

const NEGATIVE_MS: i64 = 5_000;
const TTL_MS: i64 = 600_000;

#[tokio::test]
async fn a_value_lives_at_most_its_ttl_and_a_tenth_less_at_least() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);

    replica.read(1).await;

    let life = entries.life_ms(&key(1)).await;
    // The tenth is jitter; two seconds are for the machine.
    assert!((TTL_MS * 9 / 10 - 2_000..=TTL_MS).contains(&life), "{life}");
}

#[tokio::test]
async fn a_lease_has_a_ttl() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);
    replica.hold_loads();
    let _reading = replica.reading(&[1]);

    let load = replica.held_load().await;

    assert_eq!(entries.held(&key(1)).await, Held::Lease);
    assert!(entries.life_ms(&key(1)).await > 0);
    load.go_on();
}

#[tokio::test]
async fn an_absence_is_remembered_for_seconds() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);

    let first = replica.read(7).await;
    let second = replica.read(7).await;

    assert_eq!((body(&first), body(&second)), (None, None));
    assert_eq!((second.outcome, replica.statements()), (CacheOutcome::RedisHit, 1));
    assert!((1..=NEGATIVE_MS).contains(&entries.life_ms(&key(7)).await));
}

#[tokio::test]
async fn an_absence_never_hides_what_was_made_since() {
    let things = Things::with("the one").await;
    let (reader, writer) = (things.replica().await, things.replica().await);
    assert_eq!(body(&reader.read(7).await), None);

    things.write(&writer, 7, "made").await;

    assert_eq!(body(&reader.read(7).await), Some("made"));
}

#[tokio::test]
async fn an_absence_that_was_loaded_before_the_row_was_made_is_not_stored() {
    let things = Things::with("the one").await;
    let (reader, writer) = (things.replica().await, things.replica().await);
    reader.hold_loads();
    let reading = reader.reading(&[7]);
    let load = reader.held_load().await;

    things.write(&writer, 7, "made").await;
    load.go_on();

    assert!(!reading.one().await.stored);
    reader.let_loads_pass();
    assert_eq!(body(&reader.read(7).await), Some("made"));
}

#[tokio::test]
async fn a_value_of_an_unknown_format_is_a_miss() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);
    replica.read(1).await;
    let mut newer = entries.bytes(&key(1)).await.expect("it is cached");
    newer[1] += 1;
    entries.command("SET", &key(1), &[&newer, b"PX", b"60000"]).await;

    let read = replica.read(1).await;

    assert_eq!((body(&read), replica.statements()), (Some("the one"), 2));
    assert_eq!(entries.bytes(&key(1)).await, Some(newer), "a replica that knows the format goes on using it");
}

#[tokio::test]
async fn a_value_with_a_changed_byte_is_a_miss_and_is_replaced() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);
    replica.read(1).await;
    let whole = entries.bytes(&key(1)).await.expect("it is cached");

    for at in [2, 5, 12, 20, 25, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        entries.command("SET", &key(1), &[&damaged, b"PX", b"60000"]).await;

        // A read while there is no connection does not meet it.
        eventually("it is gone", async || {
            trust_again(&replica);
            assert_eq!(body(&replica.read(1).await), Some("the one"), "byte {at}");
            entries.bytes(&key(1)).await.as_ref() != Some(&damaged)
        })
        .await;
    }
    eventually("it is cached again", async || {
        trust_again(&replica);
        replica.read(1).await;
        entries.held(&key(1)).await == Held::Value
    })
    .await;
}

/// Trust is lost with a connection; here is no recovery loop to regain it.
fn trust_again(replica: &CacheReplica) {
    replica.cache.trust().recover(replica.cache.trust().loss_count());
}

#[tokio::test]
async fn the_value_of_another_entry_is_a_miss() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);
    things.set(&things.pool, 2, "the other").await;
    replica.read(2).await;
    let other = entries.bytes(&key(2)).await.expect("it is cached");
    entries.command("SET", &key(1), &[&other, b"PX", b"60000"]).await;

    assert_eq!(body(&replica.read(1).await), Some("the one"));
}

#[tokio::test]
async fn a_value_or_a_lease_of_another_identity_is_replaced() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);
    replica.read(1).await;
    let own = entries.bytes(&key(1)).await.expect("it is cached");
    // The identity is behind the first byte and the format.
    let mut value = own.clone();
    value[2] ^= 1;
    let lease = [b"L", &value[1..10], &[7; 16]].concat();

    for foreign in [value, lease] {
        entries.command("SET", &key(1), &[&foreign, b"PX", b"60000"]).await;

        let read = replica.read(1).await;

        assert_eq!((body(&read), read.outcome, read.stored), (Some("the one"), CacheOutcome::Miss, true));
        assert_eq!(replica.read(1).await.outcome, CacheOutcome::RedisHit);
    }
}

#[tokio::test]
async fn no_fence_is_replaced() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);
    let fence = [b"F".as_slice(), &[7; 16]].concat();
    entries.command("SET", &key(1), &[&fence, b"PX", b"60000"]).await;

    let read = replica.read(1).await;

    assert_eq!((body(&read), read.outcome), (Some("the one"), CacheOutcome::Bypass));
    assert_eq!(entries.bytes(&key(1)).await, Some(fence));
}

#[tokio::test]
async fn what_is_in_no_state_at_all_is_a_miss() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);

    for garbage in [&b""[..], b"?", b"V", b"V\x01", b"L", b"Lshort"] {
        entries.command("SET", &key(1), &[garbage, b"PX", b"60000"]).await;

        assert_eq!(body(&replica.read(1).await), Some("the one"), "{garbage:?}");
    }
}

#[tokio::test]
async fn every_key_of_the_application_has_a_ttl() {
    let backend = Backend::create().await;
    let replica = backend.start_with(&[("RATE_LIMIT_ANONYMOUS", "100/60s"), ("RATE_LIMIT_SIGNED_IN", "100/60s")]).await;
    let (ada, bob) = (replica.api().register("ada").await, replica.api().register("bob").await);
    bob.follow(&ada).await;
    let post = ada.post("hello").await;
    bob.home().await;
    for (path, status) in [(format!("/posts/{post}"), StatusCode::OK), (missing_user(), StatusCode::NOT_FOUND)] {
        assert_eq!(replica.api().get(&path).await.status(), status);
    }
    replica.api().get_json("/home").await;

    let lives = Entries::of(&backend).await.all_lives_ms().await;

    assert!(lives.len() > 8, "{lives:?}");
    assert!(lives.iter().all(|(_, life)| (1..=86_400_000).contains(life)), "{lives:?}");
}

fn missing_user() -> String {
    "/users/01890000-0000-7000-8000-000000000000".to_owned()
}
