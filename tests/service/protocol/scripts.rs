//! The Lua scripts, branch by branch: what each returns, what it leaves in the entries, and that every key has a TTL
//! afterwards, the sequence included.

use aside_redis::Value;
use futures::StreamExt;

use super::bench::{
    Bench, EARLIER_LIFE, FENCE_LIFE, OTHER_FENCE, OTHER_LEASE, OTHER_TOKEN, OWN_FENCE, OWN_LEASE, OWN_TOKEN,
    REFRESH_LEASE_LIFE, SEQUENCE_LIFE, VALUE, VALUE_LIFE, leased, unleased,
};
use crate::test_redis;

#[tokio::test]
async fn fence_takes_the_place_of_whatever_is_there() {
    let bench = Bench::new().await;
    let before = [None, Some(VALUE), Some(OWN_LEASE), Some(OTHER_LEASE), Some(OTHER_FENCE), Some(OWN_FENCE)];
    let names = ["a", "b", "c", "d", "e", "f"];
    for (name, held) in names.into_iter().zip(before) {
        bench.hold(name, held).await;
    }

    bench.fence(&names).await;

    for name in names {
        assert_eq!(bench.entries.bytes(name).await.as_deref(), Some(OWN_FENCE), "{name}");
        let life = bench.entries.life_ms(name).await;
        assert!((EARLIER_LIFE + 1..=FENCE_LIFE).contains(&life), "{name}: {life}");
    }
}

#[tokio::test]
async fn fence_counts_on_and_renews_the_life_of_the_sequence() {
    let bench = Bench::new().await;
    bench.hold("sequence", Some(b"41")).await;

    let number = bench.fence(&["a"]).await;

    assert_eq!((number, bench.sequence().await), (Value::Int(42), Some(42)));
    let life = bench.entries.life_ms("sequence").await;
    assert!((EARLIER_LIFE + 1..=SEQUENCE_LIFE).contains(&life), "{life}");
}

#[tokio::test]
async fn fence_starts_a_missing_sequence_above_every_number_ever_used() {
    let bench = Bench::new().await;
    let now_us = bench.redis.time_us().await;

    let Value::Int(number) = bench.fence(&["a"]).await else { panic!("a number") };

    assert_eq!(bench.sequence().await, u64::try_from(number).ok());
    assert!(u64::try_from(number).is_ok_and(|number| number > now_us), "{number} and {now_us}");
    assert!((1..=SEQUENCE_LIFE).contains(&bench.entries.life_ms("sequence").await));
}

#[tokio::test]
async fn a_sequence_that_was_lost_never_goes_back() {
    let bench = Bench::new().await;
    let mut last = 0;

    for _loss in 0..20 {
        let Value::Int(number) = bench.fence(&["a"]).await else { panic!("a number") };

        assert!(number > last, "{number} after {last}");
        last = number;
        bench.entries.evict("sequence").await;
    }
}

#[tokio::test]
async fn release_deletes_its_own_fence_and_publishes_nothing() {
    let bench = Bench::new().await;
    bench.fence(&["a", "b"]).await;
    let sequence = bench.sequence().await;

    assert_eq!(bench.release(&["a", "b"]).await, Value::Int(0));

    assert_eq!((bench.entries.bytes("a").await, bench.entries.bytes("b").await), (None, None));
    assert_eq!(bench.sequence().await, sequence);
    assert!(bench.lives_at_most("sequence", SEQUENCE_LIFE).await);
}

#[tokio::test]
async fn release_without_a_lost_fence_makes_no_sequence() {
    let bench = Bench::new().await;
    bench.hold("a", Some(OWN_FENCE)).await;

    assert_eq!(bench.release(&["a"]).await, Value::Int(0));

    assert_eq!(bench.sequence().await, None);
}

#[tokio::test]
async fn release_deletes_whatever_replaced_its_fence_and_counts() {
    let bench = Bench::new().await;
    // What is there, and what stays.
    let branches = [(None, None), (Some(VALUE), None), (Some(OWN_LEASE), None), (Some(OTHER_LEASE), None)];
    let kept = (Some(OTHER_FENCE), Some(OTHER_FENCE));

    for (held, left) in branches.into_iter().chain([kept]) {
        bench.hold("a", held).await;
        bench.hold("sequence", Some(b"41")).await;

        assert_eq!(bench.release(&["a"]).await, Value::Int(1), "{held:?}");

        assert_eq!(bench.entries.bytes("a").await.as_deref(), left, "{held:?}");
        assert!(bench.lives_at_most("a", EARLIER_LIFE).await, "another's fence keeps its life");
        assert_eq!(bench.sequence().await, Some(42), "{held:?}");
        assert!((EARLIER_LIFE + 1..=SEQUENCE_LIFE).contains(&bench.entries.life_ms("sequence").await));
    }
}

#[tokio::test]
async fn release_starts_a_missing_sequence_with_a_ttl() {
    let bench = Bench::new().await;
    let now_us = bench.redis.time_us().await;

    assert_eq!(bench.release(&["a"]).await, Value::Int(1));

    assert!(bench.sequence().await.is_some_and(|number| number > now_us));
    assert!((1..=SEQUENCE_LIFE).contains(&bench.entries.life_ms("sequence").await));
}

#[tokio::test]
async fn fence_and_release_publish_the_entries_whose_near_entries_may_be_wrong() {
    let bench = Bench::new().await;
    let client = redis::Client::open(test_redis::url().as_str()).expect("a URL");
    let mut listener = client.get_async_pubsub().await.expect("a connection");
    listener.subscribe(bench.channel()).await.expect("a subscription");
    bench.hold("sequence", Some(b"41")).await;

    bench.fence(&["a", "b", "c"]).await;
    bench.hold("b", Some(VALUE)).await;
    bench.hold("c", None).await;
    bench.release(&["a", "b", "c"]).await;

    let messages: Vec<String> =
        listener.on_message().take(2).map(|message| message.get_payload().expect("text")).collect().await;
    assert_eq!(messages, ["42 a b c", "43 b c"]);
}

#[tokio::test]
async fn fill_stores_under_its_very_lease_only() {
    let bench = Bench::new().await;
    let refused = [None, Some(VALUE), Some(OTHER_LEASE), Some(OTHER_FENCE), Some(OWN_FENCE)];

    for held in refused {
        bench.hold("a", held).await;

        assert_eq!(bench.fill("a").await, Value::Int(0), "{held:?}");

        assert_eq!(bench.entries.bytes("a").await.as_deref(), held);
        assert!(bench.lives_at_most("a", EARLIER_LIFE).await, "{held:?}");
    }
    bench.hold("a", Some(OWN_LEASE)).await;
    assert_eq!(bench.fill("a").await, Value::Int(1));
    assert_eq!(bench.entries.bytes("a").await.as_deref(), Some(&b"Vnew"[..]));
    assert!((EARLIER_LIFE + 1..=VALUE_LIFE).contains(&bench.entries.life_ms("a").await));
}

#[tokio::test]
async fn abandon_gives_back_its_very_lease_only() {
    let bench = Bench::new().await;
    let left_alone = [None, Some(VALUE), Some(OTHER_LEASE), Some(OTHER_FENCE), Some(OWN_FENCE)];

    for held in left_alone {
        bench.hold("a", held).await;

        assert_eq!(bench.give_back("a").await, Value::Int(0), "{held:?}");

        assert_eq!(bench.entries.bytes("a").await.as_deref(), held);
        assert!(bench.lives_at_most("a", EARLIER_LIFE).await, "{held:?}");
    }
    bench.hold("a", Some(OWN_LEASE)).await;
    assert_eq!(bench.give_back("a").await, Value::Int(1));
    assert_eq!(bench.entries.bytes("a").await, None);
}

#[tokio::test]
async fn discard_throws_away_the_very_value_only() {
    let bench = Bench::new().await;
    let left_alone = [None, Some(&b"Vold, and more"[..]), Some(b"Vol"), Some(OWN_LEASE), Some(OTHER_FENCE)];

    for held in left_alone {
        bench.hold("a", held).await;

        assert_eq!(bench.discard(VALUE, "a").await, Value::Int(0), "{held:?}");

        assert_eq!(bench.entries.bytes("a").await.as_deref(), held);
        assert!(bench.lives_at_most("a", EARLIER_LIFE).await, "{held:?}");
        assert_eq!(bench.sequence().await, None, "there is nothing to tell");
    }
    bench.hold("a", Some(VALUE)).await;
    assert_eq!(bench.discard(VALUE, "a").await, Value::Int(1));
    assert_eq!(bench.entries.bytes("a").await, None);
    assert!(bench.sequence().await.is_some());
    assert!((1..=SEQUENCE_LIFE).contains(&bench.entries.life_ms("sequence").await));
}

#[tokio::test]
async fn discard_publishes_the_invalidation() {
    let bench = Bench::new().await;
    let client = redis::Client::open(test_redis::url().as_str()).expect("a URL");
    let mut listener = client.get_async_pubsub().await.expect("a connection");
    listener.subscribe(bench.channel()).await.expect("a subscription");
    bench.hold("sequence", Some(b"41")).await;
    bench.hold("a", Some(VALUE)).await;

    bench.discard(VALUE, "a").await;

    let message = listener.on_message().next().await.expect("a message");
    assert_eq!(message.get_payload::<String>().expect("text"), "42 a");
}

/// What tells one value from another.
const HEADER: &[u8] = b"V a header";
const OTHER_HEADER: &[u8] = b"V A header";

#[tokio::test]
async fn refresh_lease_is_for_the_value_that_was_seen_only() {
    let bench = Bench::new().await;
    let other = unleased(OTHER_HEADER);
    let refused = [None, Some(&other[..]), Some(HEADER), Some(OWN_LEASE), Some(OTHER_FENCE)];

    for held in refused {
        bench.hold("a", held).await;

        assert_eq!(bench.take_refresh_lease(HEADER, "a").await, Value::Int(0), "{held:?}");

        assert_eq!(bench.entries.bytes("a").await.as_deref(), held);
        assert!(bench.lives_at_most("a", EARLIER_LIFE).await, "{held:?}");
    }
    bench.hold("a", Some(&unleased(HEADER))).await;
    let before_ms = bench.redis.time_us().await / 1_000;
    assert_eq!(bench.take_refresh_lease(HEADER, "a").await, Value::Int(1));
    let after_ms = bench.redis.time_us().await / 1_000;

    let held = bench.entries.bytes("a").await.expect("it is still there");
    let since = held[HEADER.len() + 16..][..8].try_into().map(u64::from_be_bytes).expect("eight bytes");
    assert!((before_ms..=after_ms).contains(&since), "{since}");
    assert_eq!(held, leased(HEADER, OWN_TOKEN, since));
    assert!(
        (1..=EARLIER_LIFE).contains(&bench.entries.life_ms("a").await),
        "a refresh lease leaves the life as it was"
    );
}

#[tokio::test]
async fn refresh_lease_is_refused_while_another_is_under_way_and_replaces_a_dead_one() {
    let bench = Bench::new().await;
    let now_ms = bench.redis.time_us().await / 1_000;
    let lease_ms = u64::try_from(REFRESH_LEASE_LIFE).expect("above zero");
    // A minute is for the machine.
    let (alive, dead, ahead) = (now_ms, now_ms - lease_ms, now_ms + 60_000);

    for (since, taken) in [(alive, 0), (dead, 1), (ahead, 1)] {
        bench.hold("a", Some(&leased(HEADER, OTHER_TOKEN, since))).await;

        assert_eq!(bench.take_refresh_lease(HEADER, "a").await, Value::Int(taken), "{since}, {now_ms}");

        let held = bench.entries.bytes("a").await.expect("it is still there");
        let token = if taken == 1 { OWN_TOKEN } else { OTHER_TOKEN };
        assert!(held.starts_with(&[HEADER, token].concat()), "{since}, {now_ms}");
        assert!((1..=EARLIER_LIFE).contains(&bench.entries.life_ms("a").await));
    }
}

#[tokio::test]
async fn fill_of_a_refresh_replaces_the_same_value_under_the_same_refresh_lease_only() {
    let bench = Bench::new().await;
    let under = [HEADER, OWN_TOKEN].concat();
    let (others, free) = (leased(HEADER, OTHER_TOKEN, 7), unleased(HEADER));
    let another = leased(OTHER_HEADER, OWN_TOKEN, 7);
    let refused =
        [None, Some(&others[..]), Some(&free), Some(&another), Some(OWN_LEASE), Some(OTHER_FENCE), Some(OWN_FENCE)];

    for held in refused {
        bench.hold("a", held).await;

        assert_eq!(bench.fill_under(&under, "a").await, Value::Int(0), "{held:?}");

        assert_eq!(bench.entries.bytes("a").await.as_deref(), held);
        assert!(bench.lives_at_most("a", EARLIER_LIFE).await, "{held:?}");
    }
    bench.hold("a", Some(&leased(HEADER, OWN_TOKEN, 7))).await;
    assert_eq!(bench.fill_under(&under, "a").await, Value::Int(1));
    assert_eq!(bench.entries.bytes("a").await.as_deref(), Some(&b"Vnew"[..]));
    assert!((EARLIER_LIFE + 1..=VALUE_LIFE).contains(&bench.entries.life_ms("a").await));
}

#[tokio::test]
async fn replace_takes_what_is_absent_of_another_identity_or_of_an_older_format_and_nothing_else() {
    let bench = Bench::new().await;
    let lease = b"L\x03identity0123456789abcdef";
    let left_alone =
        [&b"V\x03identity and more"[..], b"L\x03identity and more", b"V\x04othernes", b"L\x04othernes", OWN_FENCE];
    let more_left_alone = [b"F\x03othernes".as_slice(), b"F", b"V", b"L", b"?\x03othernes", b""];
    for held in left_alone.into_iter().chain(more_left_alone) {
        bench.hold("a", Some(held)).await;

        assert_eq!(bench.replace(lease, "a").await, Value::BulkString(held.to_vec()), "{held:?}");

        assert_eq!(bench.entries.bytes("a").await.as_deref(), Some(held));
        assert!(bench.lives_at_most("a", EARLIER_LIFE).await, "{held:?}");
    }
    let replaced = [&b"V\x03othernes and more"[..], b"L\x03othernes", b"V\x02identity", b"L\x02identity", b"V\x03iden"];
    for held in [None].into_iter().chain(replaced.map(Some)) {
        bench.hold("a", held).await;

        assert_eq!(bench.replace(lease, "a").await, Value::Nil, "{held:?}");

        assert_eq!(bench.entries.bytes("a").await.as_deref(), Some(&lease[..]));
        assert!((EARLIER_LIFE + 1..=VALUE_LIFE).contains(&bench.entries.life_ms("a").await), "{held:?}");
    }
}
