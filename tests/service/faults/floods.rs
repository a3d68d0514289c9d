//! A client over its quota that goes on asking.

use reqwest::{Response, StatusCode};

use super::until;
use crate::{
    api::SignedIn,
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
