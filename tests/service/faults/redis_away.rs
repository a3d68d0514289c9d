//! Redis is not there, dies, or says nothing any more: requests are answered from Postgres, and nothing old is shown.

use aside::config::Config;
use nix::sys::signal::Signal;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{missing, soon, until};
use crate::{
    api::SignedIn,
    application::{Backend, TestApplication},
    own_redis::OwnRedis,
};

/// A replica with the time-outs of production, whose Redis can be lost.
pub(super) async fn with_own_redis(redis: &OwnRedis) -> (Backend, TestApplication) {
    let backend = Backend::create().await.with("REDIS_URL", redis.url.as_str());
    let config: Config = backend.config(&[("REDIS_COMMAND_TIMEOUT", "250ms"), ("REDIS_CONNECT_TIMEOUT", "1s")]);
    let here = TestApplication::start(config).await;
    (backend, here)
}

pub(super) fn cache_status(response: &Response) -> String {
    response.headers()["cache-status"].to_str().expect("text").to_owned()
}

/// Reads oneself; gives the name that was shown, and how the cache took part.
pub(super) async fn look_at(user: &SignedIn) -> (String, String) {
    let response = soon(user.api.get(&format!("/users/{}", user.id))).await;
    assert_eq!(response.status(), StatusCode::OK);
    let status = cache_status(&response);
    let body: Value = response.json().await.expect("JSON");
    (body["display_name"].as_str().expect("a name").to_owned(), status)
}

pub(super) async fn rename(user: &SignedIn, name: &str) {
    let renamed = soon(user.api.patch(&format!("/users/{}", user.id), &json!({ "display_name": name }))).await;
    assert_eq!(renamed.status(), StatusCode::OK, "renaming to {name}");
}

pub(super) async fn until_cached(user: &SignedIn) {
    until(async || look_at(user).await.1.starts_with("aside; hit")).await;
}

#[tokio::test]
async fn without_redis_a_replica_starts_and_serves_and_uses_redis_when_it_comes() {
    let mut redis = OwnRedis::start().await;
    redis.kill();
    let (_backend, here) = with_own_redis(&redis).await;

    let ada = here.api().register("ada").await;
    rename(&ada, "Ada").await;
    ada.post("hello").await;
    let (name, status) = look_at(&ada).await;
    let missing_at_first = missing(&here).await;
    redis.restart().await;
    until(async || missing(&here).await.is_empty()).await;
    until_cached(&ada).await;
    rename(&ada, "Ada again").await;

    assert_eq!((name.as_str(), status.as_str()), ("Ada", "aside; fwd=bypass"));
    assert_eq!(missing_at_first, ["redis"]);
    assert_eq!(look_at(&ada).await.0, "Ada again");
    assert_eq!(ada.home().await, ["hello"]);
}

#[tokio::test]
async fn a_redis_that_is_killed_again_and_again_fails_no_request_and_shows_nothing_old() {
    let mut redis = OwnRedis::start().await;
    let (_backend, here) = with_own_redis(&redis).await;
    let (ada, bob) = (here.api().register("ada").await, here.api().register("bob").await);
    let reading = tokio::spawn(async move {
        loop {
            look_at(&bob).await;
            bob.home().await;
        }
    });
    let writing = tokio::spawn({
        let ada = ada.clone();
        async move {
            for round in 0.. {
                let name = format!("round {round}");
                rename(&ada, &name).await;
                assert_eq!(look_at(&ada).await.0, name);
                assert_eq!(look_at(&ada).await.0, name);
            }
        }
    });

    for _ in 0..3 {
        redis.kill();
        until(async || !missing(&here).await.is_empty()).await;
        redis.restart().await;
        until(async || missing(&here).await.is_empty()).await;
    }

    assert!(!reading.is_finished() && !writing.is_finished(), "one of them has failed");
    reading.abort();
    writing.abort();
    assert!(writing.await.is_err_and(|error| error.is_cancelled()));
    until_cached(&ada).await;
}

#[tokio::test]
async fn what_was_written_while_redis_said_nothing_is_shown_when_it_is_back() {
    let redis = OwnRedis::start().await;
    let (_backend, here) = with_own_redis(&redis).await;
    let ada = here.api().register("ada").await;
    until_cached(&ada).await;

    redis.signal(Signal::SIGSTOP);
    until(async || missing(&here).await == ["redis"]).await;
    rename(&ada, "Ada").await;
    redis.signal(Signal::SIGCONT);
    until(async || missing(&here).await.is_empty()).await;

    until(async || look_at(&ada).await.0 == "Ada").await;
}

#[tokio::test]
async fn a_redis_that_says_nothing_fails_no_request() {
    let redis = OwnRedis::start().await;
    let (_backend, here) = with_own_redis(&redis).await;
    let ada = here.api().register("ada").await;
    until_cached(&ada).await;

    redis.signal(Signal::SIGSTOP);
    // While it is not known yet, with each of these the first to find out.
    let requests = (0..20).map(async |round| {
        look_at(&ada).await;
        ada.post(&format!("post {round}")).await;
        ada.home().await.len()
    });
    let at_once = futures::future::join_all(requests).await;
    until(async || missing(&here).await == ["redis"]).await;
    rename(&ada, "Ada").await;
    let known = look_at(&ada).await;
    redis.signal(Signal::SIGCONT);
    until(async || missing(&here).await.is_empty()).await;

    assert!(at_once.iter().all(|posts| *posts > 0), "somebody did not see their own post");
    assert_eq!(known, ("Ada".to_owned(), "aside; fwd=bypass".to_owned()));
    let bob = here.api().register("bob").await;
    until_cached(&bob).await;
}
