//! More is asked of Postgres than it can answer: what cannot begin soon is shed, and reads leave connections for writes.

use futures::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::{redis_away::cache_status, soon, until};
use crate::{
    api::{PASSWORD, SignedIn},
    application::Backend,
};

/// Of the eight connections that the tests give an application.
const READERS: usize = 6;

/// Where nobody listens.
const NO_REDIS: &str = "redis://127.0.0.1:1";

/// How many statements wait for a lock.
pub(super) async fn stuck(backend: &Backend) -> usize {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'aside' AND wait_event_type = 'Lock'";
    let pool = backend.database.pool().await;
    let count: i64 = sqlx::query_scalar(waiting).fetch_one(&pool).await.expect("the test's database answers");
    usize::try_from(count).expect("a few")
}

fn is_shed(response: &Response) -> bool {
    response.status() == StatusCode::SERVICE_UNAVAILABLE && response.headers().contains_key("retry-after")
}

/// More readers come than there are places for, while Postgres answers nothing about posts.
async fn readers_beyond_the_limit_are_shed(mode: (&str, &str), path: impl Fn(&SignedIn, &str) -> String) {
    let backend =
        Backend::create().await.with(mode.0, mode.1).with("DATABASE_STATEMENT_TIMEOUT", "1m").with("CACHE_FENCE", "5m");
    let here = backend.start_with(&[("DATABASE_QUEUE_WAIT", "200ms")]).await;
    let ada = here.api().register("ada").await;
    let mut posts = Vec::new();
    for _ in 0..READERS + 3 {
        posts.push(ada.post("hello").await);
    }
    let mut outside = PgConnection::connect(backend.database.url.as_str()).await.expect("postgres answers");
    let mut lock = outside.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.expect("the table is free");
    let read = |post: &String| {
        let (api, path) = (here.api(), path(&ada, post));
        tokio::spawn(async move { api.get(&path).await })
    };

    // One after the other: those who come at once load with one statement.
    let mut readers = Vec::new();
    for post in &posts[..READERS] {
        readers.push(read(post));
        until(async || stuck(&backend).await == readers.len()).await;
    }
    let beyond = soon(join_all(posts[READERS..].iter().map(read))).await;
    let of_users = soon(here.api().get("/users")).await;
    let bob = json!({ "username": "bob", "display_name": "Bob", "password": PASSWORD });
    let write = soon(here.api().post("/users", &bob)).await;
    lock.rollback().await.expect("the lock is released");
    let answered = soon(join_all(readers)).await;

    assert!(beyond.iter().all(|answer| answer.as_ref().is_ok_and(is_shed)), "{beyond:?}");
    assert!(is_shed(&of_users), "all reads wait in one queue: {of_users:?}");
    assert_eq!(write.status(), StatusCode::CREATED);
    for answer in answered {
        let answer = answer.expect("no panic");
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(!answer.headers().contains_key("cache-status") || cache_status(&answer) == "aside; fwd=bypass");
    }
}

#[tokio::test]
async fn with_the_cache_off_cells_beyond_the_limit_are_shed() {
    readers_beyond_the_limit_are_shed(("CACHE_MODE", "off"), |_, post| format!("/posts/{post}")).await;
}

#[tokio::test]
async fn with_the_cache_off_home_pages_beyond_the_limit_are_shed() {
    readers_beyond_the_limit_are_shed(("CACHE_MODE", "off"), |_, _| "/home".to_owned()).await;
}

#[tokio::test]
async fn without_redis_cells_beyond_the_limit_are_shed() {
    readers_beyond_the_limit_are_shed(("REDIS_URL", NO_REDIS), |_, post| format!("/posts/{post}")).await;
}

#[tokio::test]
async fn without_redis_home_pages_beyond_the_limit_are_shed() {
    readers_beyond_the_limit_are_shed(("REDIS_URL", NO_REDIS), |_, _| "/home".to_owned()).await;
}

#[tokio::test]
async fn lists_beyond_the_limit_are_shed() {
    readers_beyond_the_limit_are_shed(("CACHE_MODE", "redis"), |ada, _| format!("/users/{}/posts", ada.id)).await;
}
