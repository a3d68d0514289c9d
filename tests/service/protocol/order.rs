//! When the fence is set, and by whom: after the rows are changed, before they are committed, in every `CACHE_MODE`.

use reqwest::StatusCode;
use serde_json::json;

use super::{
    entries::{Entries, Held},
    patient_backend,
    pause_point::PausePoint,
};

#[tokio::test]
async fn the_fence_is_set_after_the_rows_are_changed_and_before_they_are_committed() {
    let backend = patient_backend().await;
    let replica = backend.start().await;
    let ada = replica.api().register("ada").await;
    let (entries, entry, path) =
        (Entries::of(&backend).await, format!("user:{}", ada.id), format!("/users/{}", ada.id));
    replica.api().get_json(&path).await;
    let change = PausePoint::after_change(&backend.database, "users").await;
    let commit = PausePoint::at_commit(&backend.database, "users").await;
    let (api, rename) = (ada.api.clone(), json!({ "display_name": "new" }));
    let renaming = tokio::spawn({
        let path = path.clone();
        async move { api.patch(&path, &rename).await.status() }
    });

    change.reached().await;
    let within_the_statement = entries.held(&entry).await;
    let was_hit = cache_status(&replica.api().get(&path).await).contains("hit");
    change.open().await;
    entries.until(&entry, Held::Fence).await;
    commit.reached().await;
    let within_the_commit = entries.held(&entry).await;
    commit.open().await;

    assert_eq!(renaming.await.expect("no panic"), StatusCode::OK);
    assert_eq!((within_the_statement, was_hit), (Held::Value, true), "a fence that waits for row locks is of no use");
    assert_eq!(within_the_commit, Held::Fence);
    assert_eq!(entries.held(&entry).await, Held::Nothing, "the write is answered after the release");
}

#[tokio::test]
async fn a_write_that_waits_for_its_row_has_set_no_fence() {
    let backend = patient_backend().await;
    let replica = backend.start().await;
    let ada = replica.api().register("ada").await;
    let (entries, entry, path) =
        (Entries::of(&backend).await, format!("user:{}", ada.id), format!("/users/{}", ada.id));
    replica.api().get_json(&path).await;
    let pool = backend.database.pool().await;
    let mut other = pool.begin().await.expect("a transaction");
    sqlx::query("SELECT FROM users FOR NO KEY UPDATE").execute(&mut *other).await.expect("the row is free");
    let (api, rename) = (ada.api.clone(), json!({ "display_name": "new" }));
    let renaming = tokio::spawn(async move { api.patch(&path, &rename).await.status() });

    super::eventually("the write waits for the row", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting = sqlx::query_scalar(waiting).fetch_one(&pool).await;
        waiting.is_ok_and(|waiting: i64| waiting > 0)
    })
    .await;
    let held = entries.held(&entry).await;
    other.rollback().await.expect("it ends");

    assert_eq!(held, Held::Value);
    assert_eq!(renaming.await.expect("no panic"), StatusCode::OK);
}

#[tokio::test]
async fn a_replica_whose_cache_is_off_fences_for_the_others() {
    let backend = patient_backend().await;
    let reader = backend.start_with(&[("CACHE_MODE", "redis")]).await;
    let writer = backend.start_with(&[("CACHE_MODE", "off")]).await;
    let ada = reader.api().register("ada").await;
    let (entries, entry, path) =
        (Entries::of(&backend).await, format!("user:{}", ada.id), format!("/users/{}", ada.id));
    reader.api().get_json(&path).await;
    let pause = PausePoint::at_commit(&backend.database, "users").await;
    let (api, rename) = (ada.api.at(writer.public), json!({ "display_name": "new" }));
    let renaming = tokio::spawn({
        let path = path.clone();
        async move { api.patch(&path, &rename).await.status() }
    });

    pause.reached().await;
    let within_the_commit = entries.held(&entry).await;
    pause.open().await;

    assert_eq!(renaming.await.expect("no panic"), StatusCode::OK);
    assert_eq!(within_the_commit, Held::Fence);
    assert_eq!(reader.api().get_json(&path).await["display_name"], "new");
    assert_eq!(entries.held(&entry).await, Held::Value);
    assert_eq!(ada.api.at(writer.public).delete("/sessions").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(ada.api.get("/users/me").await.status(), StatusCode::UNAUTHORIZED);
}

fn cache_status(response: &reqwest::Response) -> &str {
    response.headers().get("cache-status").and_then(|value| value.to_str().ok()).unwrap_or_default()
}
