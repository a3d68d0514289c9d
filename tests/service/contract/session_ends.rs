//! When a session ends by itself: unused for `SESSION_IDLE`, and after `SESSION_ABSOLUTE` in any case.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::Value;

use super::{
    answers::{field, problem},
    service::Service,
};
use crate::api::Api;

async fn start(mode: &str) -> Service {
    let settings = [("SESSION_IDLE", "1h"), ("SESSION_ABSOLUTE", "3h"), ("CACHE_MODE", mode)];
    Service::start_with(&settings).await
}

async fn last_seen_at(api: &Api) -> DateTime<Utc> {
    let sessions = api.get_json("/sessions").await;
    sessions["items"][0]["last_seen_at"].as_str().expect("a time").parse().expect("a time")
}

/// A use is written back by a task of the application: waits for it.
async fn use_and_wait_until_it_is_noted(api: &Api) {
    let before = last_seen_at(api).await;
    let give_up_at = Instant::now() + Duration::from_secs(30);
    while last_seen_at(api).await == before {
        assert!(Instant::now() < give_up_at, "the use was not noted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_unused_session_ends_after_its_idle_time() {
    for mode in ["redis", "off"] {
        let application = start(mode).await;
        let ada = application.api().register("ada").await;
        assert_eq!(ada.api.get("/users/me").await.status(), StatusCode::OK);

        application.clock.advance(TimeDelta::minutes(59));
        assert_eq!(ada.api.get("/users/me").await.status(), StatusCode::OK, "{mode}");
        use_and_wait_until_it_is_noted(&ada.api).await;
        application.clock.advance(TimeDelta::minutes(61));

        let cookie = application.api().request(reqwest::Method::GET, "/home");
        let cookie = cookie.header("Cookie", format!("aside_session={}", ada.token)).send().await.expect("an answer");
        assert!(field(&cookie, "set-cookie").starts_with("aside_session=; "), "{mode}");
        problem(cookie, 401, "invalid-token").await;
        problem(ada.api.get("/home").await, 401, "invalid-token").await;
    }
}

#[tokio::test]
async fn a_session_that_is_used_all_the_time_ends_at_its_absolute_end() {
    for mode in ["redis", "off"] {
        let application = start(mode).await;
        let ada = application.api().register("ada").await;

        for _ in 0..4 {
            application.clock.advance(TimeDelta::minutes(40));
            use_and_wait_until_it_is_noted(&ada.api).await;
        }
        application.clock.advance(TimeDelta::minutes(19));
        assert_eq!(ada.api.get("/users/me").await.status(), StatusCode::OK, "{mode}: a minute before");
        application.clock.advance(TimeDelta::minutes(2));

        problem(ada.api.get("/users/me").await, 401, "invalid-token").await;
    }
}

#[tokio::test]
async fn a_session_that_is_over_is_not_listed() {
    let application = start("redis").await;
    let ada = application.api().register("ada").await;
    application.clock.advance(TimeDelta::minutes(61));

    let again = application.api().with_token(&application.api().sign_in("ada").await);

    let sessions = again.get_json("/sessions").await;
    assert_eq!(sessions["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(sessions["items"][0]["current"], Value::Bool(true));
    problem(ada.api.get("/users/me").await, 401, "invalid-token").await;
}
