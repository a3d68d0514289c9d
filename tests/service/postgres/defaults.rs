//! Defaults of the server, the database or the role: none of them decides what is answered.

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{alter_database, kill_sessions, missing, soon, until};
use crate::application::{Backend, TestApplication};

/// A replica whose connections find these settings of the database.
async fn with_settings(backend: &Backend, settings: &[&str]) -> TestApplication {
    let outside = backend.database.pool().await;
    for setting in settings {
        alter_database(&outside, setting).await;
    }
    backend.start().await
}

/// Twelve follows at once where seven are left; gives how many were done and how many there are then.
async fn follow_at_once(backend: &Backend, here: &TestApplication) -> (usize, i64) {
    const FOLLOWED: i64 = 1_993;
    let (ada, outside) = (here.api().register("ada").await, backend.database.pool().await);
    let others: Vec<Uuid> = (0..2_005).map(|_| Uuid::now_v7()).collect();
    sqlx::query(
        "INSERT INTO users (id, username, display_name, password_hash, created_at, updated_at)
         SELECT id, 'u_' || right(replace(id::text, '-', ''), 24), 'User', 'none', now(), now()
         FROM unnest($1::uuid[]) AS id",
    )
    .bind(&others)
    .execute(&outside)
    .await
    .expect("users");
    sqlx::query("INSERT INTO follows SELECT $1::uuid, id, now() FROM unnest($2::uuid[]) AS id LIMIT $3")
        .bind(ada.id.parse::<Uuid>().expect("an id"))
        .bind(&others)
        .bind(FOLLOWED)
        .execute(&outside)
        .await
        .expect("follows");

    let follows = others[others.len() - 12..].iter().map(async |other| {
        let path = format!("/users/{other}/follow");
        soon(ada.api.put(&path)).await.status()
    });
    let statuses = join_all(follows).await;

    let is_expected = |status: &StatusCode| [StatusCode::NO_CONTENT, StatusCode::UNPROCESSABLE_ENTITY].contains(status);
    assert!(statuses.iter().all(is_expected), "{statuses:?}");
    let done = statuses.iter().filter(|status| status.is_success()).count();
    let count = sqlx::query_scalar("SELECT count(*) FROM follows").fetch_one(&outside).await.expect("a count");
    (done, count)
}

/// Ten edits of one user at once; gives their statuses and the version then.
async fn edit_at_once(here: &TestApplication) -> (Vec<StatusCode>, i64) {
    let bob = here.api().register("bob").await;
    let path = format!("/users/{}", bob.id);
    let edits = (0..10).map(async |number| {
        let bio = json!({ "bio": format!("number {number}") });
        soon(bob.api.patch(&path, &bio)).await.status()
    });
    let statuses = join_all(edits).await;
    (statuses, bob.api.get_json(&path).await["version"].as_i64().expect("a version"))
}

#[tokio::test]
async fn the_follow_cap_and_concurrent_edits_hold_under_any_default_isolation() {
    for level in ["repeatable read", "serializable"] {
        let backend = Backend::create().await;
        let here = with_settings(&backend, &[&format!("SET default_transaction_isolation = '{level}'")]).await;

        assert_eq!(follow_at_once(&backend, &here).await, (7, 2_000), "{level}");
        assert_eq!(edit_at_once(&here).await, (vec![StatusCode::OK; 10], 11), "{level}");
    }
}

#[tokio::test]
async fn time_outs_of_a_database_end_no_read() {
    let backend = Backend::create().await;
    let here = with_settings(&backend, &["SET lock_timeout = '1ms'", "SET idle_session_timeout = '1s'"]).await;
    here.api().register("ada").await;
    let outside = backend.database.pool().await;
    let mut lock = outside.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.expect("the table is free");

    let reading = tokio::spawn({
        let api = here.api();
        async move { api.get("/users").await.status() }
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'aside' AND wait_event_type = 'Lock'";
    until(async || sqlx::query_scalar::<_, i64>(waiting).fetch_one(&outside).await.expect("a count") == 1).await;
    lock.rollback().await.expect("the lock is released");

    assert_eq!(soon(reading).await.expect("no panic"), StatusCode::OK);
    let own = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'aside'";
    let before: i64 = sqlx::query_scalar(own).fetch_one(&outside).await.expect("a count");
    assert!(before > 0);
}

#[tokio::test]
async fn notation_of_a_database_changes_no_answer() {
    let backend = Backend::create().await;
    let settings = [
        "SET datestyle = 'SQL, DMY'",
        "SET intervalstyle = 'sql_standard'",
        "SET timezone = 'Asia/Tokyo'",
        "SET extra_float_digits = -15",
        "SET bytea_output = 'escape'",
        "SET standard_conforming_strings = off",
        "SET default_transaction_deferrable = on",
        "SET default_transaction_isolation = 'serializable'",
    ];
    let there = with_settings(&backend, &settings).await;
    let ada = there.api().register("ada").await;
    let post = ada.post(r"a \ and a '").await;
    let path = format!("/posts/{post}");
    let seen = ada.api.get_json(&path).await;
    alter_database(&backend.database.pool().await, "RESET ALL").await;
    let here = backend.start_with(&[("CACHE_MODE", "off")]).await;

    assert_eq!(here.api().get_json(&path).await, seen);
    assert_eq!(ada.api.at(here.public).get_json("/sessions").await, ada.api.get_json("/sessions").await);
    assert_eq!(ada.api.delete("/sessions").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(ada.api.at(here.public).get("/users/me").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_database_that_is_set_to_read_only_is_refused_until_it_is_not() {
    let backend = Backend::create().await;
    let here = backend.start().await;
    let ada = here.api().register("ada").await;
    let outside = backend.database.pool().await;

    alter_database(&outside, "SET default_transaction_read_only = on").await;
    kill_sessions(&outside).await;
    until(async || missing(&here).await == ["postgres"]).await;
    let refused = ada.api.get("/users").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));

    let mut outside = outside.acquire().await.expect("a connection of before");
    sqlx::query("SET default_transaction_read_only = off").execute(&mut *outside).await.expect("it may");
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut *outside).await.expect("a name");
    let reset = sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    sqlx::query(reset).execute(&mut *outside).await.expect("the test owns its database");
    until(async || missing(&here).await.is_empty()).await;
    assert_eq!(ada.api.post("/posts", &json!({ "body": "back" })).await.status(), StatusCode::CREATED);
}
