//! Replies of Redis that are not those of their commands, or not as they were stored: no answer shows it.

use std::sync::atomic::{AtomicBool, Ordering};

use aside_redis::{Pipeline, RedisError, cmd};
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::soon;
use crate::{
    api::SignedIn,
    application::{Backend, TestApplication},
    proxy::{MOST_FLOOD, Meddling, Proxy},
    test_redis::{self, TestRedis},
};

const USERS: [&str; 4] = ["ada", "bob", "cleo", "dora"];

/// How often a reply is meddled with.
const TIMES: usize = 8;

/// A replica that reads what it can through the proxy.
async fn behind(proxy: &Proxy, mode: &str) -> (Backend, TestApplication) {
    let redis = proxy.url(&test_redis::url());
    let backend = Backend::create().await.with("REDIS_URL", redis.as_str()).with("CACHE_MODE", mode);
    let limited = backend.with("RATE_LIMIT_SIGNED_IN", "1000000/60s");
    let replica = limited.start().await;
    (limited, replica)
}

/// Reads and renames oneself until told to stop.
async fn read_and_write(user: &SignedIn, username: &str, stops: &AtomicBool) {
    for number in 0.. {
        if stops.load(Ordering::SeqCst) {
            return;
        }
        let read = soon(user.api.get("/users/me")).await;
        assert_eq!(read.status(), StatusCode::OK, "{username}");
        assert_is(&read.json().await.expect("JSON"), user, username);
        if number % 8 == 0 {
            let name = json!({ "display_name": format!("{username} {number}") });
            let renamed = soon(user.api.patch(&format!("/users/{}", user.id), &name)).await;
            assert_eq!(renamed.status(), StatusCode::OK, "{username}");
            assert_is(&renamed.json().await.expect("JSON"), user, username);
        }
    }
}

fn assert_is(body: &Value, user: &SignedIn, username: &str) {
    assert_eq!((&body["id"], &body["username"]), (&json!(user.id), &json!(username)));
}

/// Several users read and write while replies are meddled with.
async fn meddled_with(mode: &str, meddling: Meddling) -> TestApplication {
    let proxy = Proxy::start(&test_redis::url()).await;
    let (_backend, replica) = behind(&proxy, mode).await;
    let users = join_all(USERS.map(async |name| replica.api().register(name).await)).await;
    let stops = AtomicBool::new(false);
    let using = join_all(users.iter().zip(USERS).map(|(user, name)| read_and_write(user, name, &stops)));

    let meddling = async {
        for _ in 0..TIMES {
            soon(proxy.meddle(meddling)).await;
        }
        stops.store(true, Ordering::SeqCst);
    };
    tokio::join!(using, meddling);
    replica
}

/// A reply of nothing: most commands' replies are of another type, and a value carries a checksum of its entry, so that this
/// is seen without the `ECHO` too. The test below has a reply that only the `ECHO` sees.
#[tokio::test]
async fn a_reply_too_many_never_shows_another_users_data() {
    for mode in ["redis", "near"] {
        let replica = meddled_with(mode, Meddling::ExtraReply("$", b"$-1\r\n")).await;

        assert!(replica.metric("redis_replies_out_of_step_total", &[]).await >= 1.0, "{mode}");
    }
}

#[tokio::test]
async fn a_reply_too_many_of_the_right_type_is_not_taken_for_the_commands() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let redis = TestRedis::connect(test_redis::config(&proxy.url(&test_redis::url()))).await;
    let mut pipeline = Pipeline::new();
    pipeline.add_command(cmd("SET").arg(redis.handle().key("number")).arg("own number").arg("PX").arg(60_000).clone());
    redis.query(&pipeline).await;
    let mut pipeline = Pipeline::new();
    pipeline.add_command(cmd("GET").arg(redis.handle().key("number")).clone());

    let meddling = proxy.meddle(Meddling::ExtraReply("own number", b"$14\r\nanother number\r\n"));
    let handle = redis.handle();
    let (read, ()) = soon(async { tokio::join!(handle.query(&pipeline), meddling) }).await;

    assert!(matches!(read, Err(RedisError::OutOfStep)), "{read:?}");
}

/// Strings, arrays and nested arrays that are announced larger than any reply can be.
const FLOODS: [Meddling; 4] = [
    Meddling::Flood(b"$536870912\r\n", b"0123456789abcdef"),
    Meddling::Flood(b"*100000000\r\n", b"$-1\r\n"),
    Meddling::Flood(b"*1\r\n", b"*1\r\n"),
    Meddling::Flood(b"*1000\r\n", b"$8\r\n01234567\r\n*1000\r\n"),
];

#[tokio::test]
async fn a_reply_larger_than_any_can_be_ends_its_connection_before_it_takes_memory() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let (_backend, replica) = behind(&proxy, "near").await;
    let ada = replica.api().register("ada").await;

    // Two connections for commands and two that listen take turns.
    for flood in FLOODS.into_iter().chain(FLOODS) {
        soon(proxy.meddle(flood)).await;
    }

    assert!(proxy.flooded() < MOST_FLOOD / 4, "{}", proxy.flooded());
    assert_eq!(ada.api.get("/users/me").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_changed_byte_of_a_value_is_never_shown() {
    let replica = meddled_with("redis", Meddling::FlippedBit("\"username\":\"")).await;

    assert!(replica.metric("cache_damaged_entries_total", &[]).await >= 1.0);
}
