//! A Redis that comes back with what it held before a write: it counts as an empty cache, because every key carries the
//! `run_id` of the process that it was made in.

use reqwest::StatusCode;
use serde_json::json;

use super::eventually;
use crate::{
    application::{Backend, TestApplication},
    own_redis::OwnRedis,
};

#[tokio::test]
async fn redis_that_comes_back_from_an_old_snapshot_after_a_write() {
    let mut redis = OwnRedis::start().await;
    let replica = replica_in(&redis).await;
    let ada = replica.1.api().register("ada").await;
    let path = format!("/users/{}", ada.id);
    replica.1.api().get_json(&path).await;
    redis.command(&["SAVE"]).await;
    let saved = only_key(&redis, "user").await.expect("it is cached");

    let renamed = ada.api.patch(&path, &json!({ "display_name": "new" })).await.status();
    let after_the_write = only_key(&redis, "user").await;
    redis.kill();
    redis.restart().await;

    assert_eq!((renamed, after_the_write), (StatusCode::OK, None));
    assert_eq!(only_key(&redis, "user").await, Some(saved), "the deleted key is there again");
    // Through the reconnection and beyond it, until the cache serves again.
    eventually("the cache serves again", async || {
        let answer = replica.1.api().get(&path).await;
        let is_hit = answer.headers()["cache-status"].to_str().is_ok_and(|status| status.contains("hit"));
        let user: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(user["display_name"], "new");
        is_hit
    })
    .await;
}

#[tokio::test]
async fn redis_that_comes_back_from_an_old_snapshot_after_a_sign_out() {
    let mut redis = OwnRedis::start().await;
    let replica = replica_in(&redis).await;
    let ada = replica.1.api().register("ada").await;
    ada.api.get_json("/users/me").await;
    redis.command(&["SAVE"]).await;
    let saved = only_key(&redis, "session").await.expect("it is cached");

    let signed_out = ada.api.delete("/sessions/current").await.status();
    redis.kill();
    redis.restart().await;

    assert_eq!(signed_out, StatusCode::NO_CONTENT);
    assert_eq!(only_key(&redis, "session").await, Some(saved), "the revoked session is there again");
    let hits = async || replica.1.metric("cache_requests_total", &["session", "_hit"]).await;
    let hits_before = hits().await;
    eventually("the cache serves again", async || {
        assert_eq!(ada.api.get("/users/me").await.status(), StatusCode::UNAUTHORIZED);
        hits().await > hits_before
    })
    .await;
}

async fn replica_in(redis: &OwnRedis) -> (Backend, TestApplication) {
    let backend = Backend::create().await.with("REDIS_URL", redis.url.as_str());
    let replica = backend.start().await;
    (backend, replica)
}

/// The one entry of this kind that Redis holds, whatever process it was made in.
async fn only_key(redis: &OwnRedis, entity: &str) -> Option<String> {
    let keys = redis.command(&["KEYS", &format!("*:{entity}:*")]).await;
    let mut keys: Vec<String> = redis::from_redis_value(keys).expect("names");
    assert!(keys.len() <= 1, "{keys:?}");
    keys.pop()
}
