//! The reply to COMMIT does not come: the write may have happened, so it is neither reported as done nor believed undone.

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{
    fences,
    redis_away::{look_at, rename},
    soon, until,
};
use crate::{
    api::SignedIn,
    application::{Backend, TestApplication},
    proxy::{Proxy, Snare},
    test_database::outbox_is_empty,
};

/// A replica behind a proxy, another that is not, and somebody whose cell is cached.
struct Scene {
    backend: Backend,
    proxy: Proxy,
    behind: TestApplication,
    beside: TestApplication,
    outside: PgPool,
    ada: SignedIn,
}

async fn scene() -> Scene {
    let backend = Backend::create()
        .await
        .with("DATABASE_TRANSACTION_TIMEOUT", "2s")
        .with("DATABASE_STATEMENT_TIMEOUT", "2s")
        .with("CACHE_FENCE", "8s");
    let proxy = Proxy::start(&backend.database.url).await;
    let behind = backend.start_with(&[("DATABASE_URL", proxy.url(&backend.database.url).as_str())]).await;
    let beside = backend.start().await;
    let outside = backend.database.pool().await;
    let ada = beside.api().register("ada").await;
    look_at(&ada).await;
    // Nothing is left for a relay, whose COMMIT would be caught in place of the write's.
    until(async || outbox_is_empty(&outside).await).await;
    Scene { backend, proxy, behind, beside, outside, ada }
}

async fn stored_name(outside: &PgPool) -> String {
    sqlx::query_scalar("SELECT display_name FROM users").fetch_one(outside).await.expect("the test's database answers")
}

#[tokio::test]
async fn a_write_whose_commit_was_not_answered_is_no_success_and_hides_nothing() {
    let Scene { backend, proxy, behind, beside, outside, ada } = scene().await;
    let path = format!("/users/{}", ada.id);
    let user_cell = format!(":user:{}", ada.id);

    proxy.lay(Some(Snare::Request("COMMIT")));
    let writing = tokio::spawn({
        let (api, path) = (ada.api.at(behind.public), path.clone());
        async move { api.patch(&path, &json!({ "display_name": "Ada" })).await }
    });
    soon(proxy.until_caught(1)).await;
    proxy.lay(None);
    until(async || stored_name(&outside).await == "Ada").await;
    let during = look_at(&ada).await;
    let answer = soon(writing).await.expect("it does not panic");

    // It is committed; neither the replica that does not know nor the other one shows what was before.
    assert_eq!(during, ("Ada".to_owned(), "aside; fwd=bypass".to_owned()));
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    let problem: Value = answer.json().await.expect("JSON");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("Look before")), "{problem}");
    let fenced = fences(&backend).await;
    assert!(fenced.iter().any(|key| key.ends_with(&user_cell)), "the fence was lifted: {fenced:?}");
    while !fences(&backend).await.is_empty() {
        for replica in [&behind, &beside] {
            assert_eq!(look_at(&ada.at(replica.public)).await.0, "Ada");
        }
    }
    rename(&ada, "Ada again").await;
    assert_eq!(look_at(&ada.at(behind.public)).await.0, "Ada again");
}

#[tokio::test]
async fn a_write_whose_commit_never_arrived_is_no_success_and_is_undone() {
    let Scene { backend: _backend, proxy, behind, beside: _beside, outside, ada } = scene().await;

    // The fence is the last that is heard of before COMMIT: once it is set, nothing passes any more.
    proxy.lay(Some(Snare::Reply("UPDATE 1")));
    let answer = soon(ada.api.at(behind.public).patch(&format!("/users/{}", ada.id), &json!({ "bio": "x" }))).await;
    proxy.lay(None);

    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    until(async || sqlx::query_scalar::<_, i64>(waiting).fetch_one(&outside).await.expect("a count") == 0).await;
    let bio: Option<String> = sqlx::query_scalar("SELECT bio FROM users").fetch_one(&outside).await.expect("a row");
    assert_eq!(bio, None);
    rename(&ada, "Ada").await;
    assert_eq!(look_at(&ada.at(behind.public)).await.0, "Ada");
}
