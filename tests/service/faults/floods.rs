//! A client over its quota that goes on asking.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::{join, join_all};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use super::until;
use crate::{
    api::{Api, PASSWORD, SignedIn},
    application::{Backend, TestApplication},
    own_redis::OwnRedis,
};

async fn ask(user: &SignedIn) -> Response {
    user.api.get("/users/me").await
}

/// Somebody whose quota is used up, and whose session has a copy.
async fn over_quota(backend: &Backend) -> (TestApplication, SignedIn) {
    let here = backend.start_with(&[("RATE_LIMIT_SIGNED_IN", "3/60s")]).await;
    let ada = here.api().register("ada").await;
    while ask(&ada).await.status() == StatusCode::OK {}
    (here, ada)
}

#[tokio::test]
async fn who_is_over_its_quota_costs_no_look() {
    let redis = OwnRedis::start().await;
    let backend = Backend::create().await.with("REDIS_URL", redis.url.as_str());
    let (_here, ada) = over_quota(&backend).await;

    let looks = redis.calls_of("get").await;
    for _ in 0..50 {
        let refused = ask(&ada).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let told = refused.headers()["ratelimit"].to_str().expect("text");
        assert!(told.starts_with("\"signed-in\";r=0;t="), "{told}");
    }

    assert_eq!(redis.calls_of("get").await, looks);
}

#[tokio::test]
async fn who_is_over_its_quota_costs_no_lookup_in_any_mode() {
    for mode in ["off", "redis", "near"] {
        let backend = Backend::create().await.with("CACHE_MODE", mode);
        let (here, ada) = over_quota(&backend).await;

        let looked_up = here.metric("cache_requests_total", &["entity=\"session\""]).await;
        for _ in 0..50 {
            assert_eq!(ask(&ada).await.status(), StatusCode::TOO_MANY_REQUESTS);
        }

        let further = here.metric("cache_requests_total", &["entity=\"session\""]).await - looked_up;
        assert!(further <= 1.0, "{mode}: {further} lookups, and Redis is asked once more after five seconds");
    }
}

#[tokio::test]
async fn a_session_that_has_ended_is_no_longer_answered_for_its_owner() {
    let backend = Backend::create().await;
    let (_here, ada) = over_quota(&backend).await;
    assert_eq!(ask(&ada).await.status(), StatusCode::TOO_MANY_REQUESTS);

    // Past the application, whose own ways are closed to her.
    let outside = backend.database.pool().await;
    sqlx::query("DELETE FROM sessions").execute(&outside).await.expect("rows can be deleted");

    until(async || ask(&ada).await.status() == StatusCode::UNAUTHORIZED).await;
}

async fn sign_in(api: &Api, address: &str, password: &str) -> Response {
    let body = json!({ "username": "ada", "password": password });
    let request = api.request(Method::POST, "/sessions").header("X-Forwarded-For", address).json(&body);
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn a_flood_of_sign_ins_from_many_addresses_is_refused_at_once_and_keeps_the_owner_not_out() {
    let backend = Backend::create().await.with("TRUSTED_PROXIES", "127.0.0.0/8").with("PASSWORD_HASHES", "1");
    let here = backend.start().await;
    let api = here.api();
    let home = "198.51.100.1";
    here.api().post("/users", &json!({ "username": "ada", "display_name": "x", "password": PASSWORD })).await;
    assert_eq!(sign_in(&api, home, PASSWORD).await.status(), StatusCode::CREATED);
    let (refused, owner_is_in) = (AtomicU32::new(0), AtomicU32::new(0));

    // More at once than wait for one hash, as long as the owner tries.
    let flood = join_all((0..30).map(|attacker| {
        let (api, refused, owner_is_in) = (&api, &refused, &owner_is_in);
        async move {
            while owner_is_in.load(Ordering::Relaxed) < 4 {
                let answer = sign_in(api, &format!("192.0.2.{attacker}"), "a wrong long phrase").await;
                match answer.status() {
                    StatusCode::UNAUTHORIZED => {}
                    StatusCode::SERVICE_UNAVAILABLE => {
                        assert!(answer.headers().contains_key("retry-after"));
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    other => panic!("{other}"),
                }
            }
        }
    }));
    let owner = async {
        until(async || refused.load(Ordering::Relaxed) > 0).await;
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(sign_in(&api, home, PASSWORD).await.status());
            owner_is_in.fetch_add(1, Ordering::Relaxed);
        }
        statuses
    };
    let (statuses, _over) = join(owner, flood).await;

    assert_eq!(statuses, [StatusCode::CREATED; 4]);
}
