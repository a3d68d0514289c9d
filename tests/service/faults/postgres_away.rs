//! Postgres is not there, goes away and comes back: 503 and no false success, and the service recovers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aside::app::Application;
use aside_runtime::shutdown::Shutdown;
use futures::future::{join, join_all};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{missing, overload::stuck, soon, until};
use crate::{
    api::{Api, PASSWORD, SignedIn},
    application::{Backend, TestApplication},
    proxy::{Proxy, Snare, Way},
    test_database::outbox_is_empty,
};

/// Whether a write was done; otherwise it was refused as it should be.
pub(super) async fn was_done(response: Response) -> bool {
    if response.status().is_success() {
        return true;
    }
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().contains_key("retry-after"));
    let problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["status"], 503);
    false
}

async fn kill_all_sessions(outside: &PgPool) {
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'aside'")
        .execute(outside)
        .await
        .expect("the test's database answers");
}

#[tokio::test]
async fn a_replica_without_postgres_lives_waits_and_then_serves() {
    let backend = Backend::create().await;
    let proxy = Proxy::start(&backend.database.url).await;
    proxy.set(Way::Cut);
    let variables = [("DATABASE_URL", proxy.url(&backend.database.url).to_string())];
    let config = backend.config(&variables.each_ref().map(|(name, value)| (*name, value.as_str())));
    let application = Application::build(config).expect("it needs no Postgres to start");
    let (public, admin) = (Api::new(application.public_address()), Api::new(application.admin_address()));

    let serving = tokio::spawn(application.serve(true));
    let alive = soon(admin.get("/livez")).await.status();
    let ready = soon(admin.get("/readyz")).await.status();
    proxy.set(Way::Open);
    until(async || admin.get("/readyz").await.status() == StatusCode::OK).await;
    let ada = public.register("ada").await;

    assert_eq!((alive, ready), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(ada.api.get_json("/users/me").await["username"], "ada");
    serving.abort();
}

#[tokio::test]
async fn a_postgres_that_goes_away_is_missed_and_its_return_noticed() {
    let backend = Backend::create().await;
    let proxy = Proxy::start(&backend.database.url).await;
    let url = proxy.url(&backend.database.url);
    let here = backend.start_with(&[("DATABASE_URL", url.as_str()), ("DATABASE_ACQUIRE_TIMEOUT", "1s")]).await;
    let ada = here.api().register("ada").await;
    let post = json!({ "body": "hello" });

    for way in [Way::Cut, Way::Frozen] {
        proxy.set(way);
        let health = soon(Api::new(here.admin).get("/readyz")).await;
        assert_eq!(health.status(), StatusCode::OK, "{way:?}: taking every replica out would help nobody");
        assert_eq!(health.json::<Value>().await.expect("JSON")["missing"], json!(["postgres"]), "{way:?}");
        assert!(!was_done(soon(ada.api.post("/posts", &post)).await).await, "{way:?}");
        assert!(!was_done(soon(ada.api.get("/users")).await).await, "{way:?}");

        proxy.set(Way::Open);
        until(async || was_done(soon(ada.api.post("/posts", &post)).await).await).await;
    }
}

/// A replica behind a proxy that gives Postgres up soon, and whose own deadlines are far away.
async fn behind_a_proxy(further: &[(&str, &str)]) -> (Backend, Proxy, TestApplication) {
    let backend = Backend::create().await;
    let proxy = Proxy::start(&backend.database.url).await;
    let url = proxy.url(&backend.database.url);
    let mut variables = vec![
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_PROBE_TIMEOUT", "1s"),
        ("DATABASE_ACQUIRE_TIMEOUT", "10m"),
        ("DATABASE_STATEMENT_TIMEOUT", "10m"),
        ("DATABASE_TRANSACTION_TIMEOUT", "10m"),
        ("CACHE_FENCE", "1h"),
        ("HTTP_REQUEST_TIMEOUT", "10m"),
    ];
    variables.extend(further);
    let here = backend.start_with(&variables).await;
    (backend, proxy, here)
}

/// What needs Postgres, whatever is cached.
pub(super) async fn ask_what_needs_postgres(user: &SignedIn) -> Vec<Response> {
    let (api, name) = (&user.api, json!({ "display_name": "Ada" }));
    let sign_in = json!({ "username": "ada", "password": PASSWORD });
    soon(async {
        vec![
            api.get("/users").await,
            api.get("/users?username=ada").await,
            api.get("/sessions").await,
            api.get(&format!("/users/{}/followers", user.id)).await,
            api.get("/posts/01935fcb-6c5b-76e9-acf6-3afcc21a470a").await,
            api.post("/posts", &json!({ "body": "lost" })).await,
            api.patch(&format!("/users/{}", user.id), &name).await,
            api.delete("/sessions").await,
            api.post("/sessions", &sign_in).await,
        ]
    })
    .await
}

#[tokio::test]
async fn while_postgres_is_away_what_is_cached_is_served_and_the_rest_refused() {
    let (backend, proxy, here) = behind_a_proxy(&[]).await;
    let ada = here.api().register("ada").await;
    let post = ada.post("hello").await;
    let cached = ["/home".to_owned(), "/users/me".to_owned(), format!("/users/{}", ada.id), format!("/posts/{post}")];
    let pool = backend.database.pool().await;
    // A row that is still there when Postgres goes away makes a relay empty its cell when Postgres is back.
    until(async || outbox_is_empty(&pool).await).await;
    for path in &cached {
        ada.api.get_json(path).await;
    }

    for way in [Way::Cut, Way::Frozen] {
        proxy.set(way);
        until(async || missing(&here).await == ["postgres"]).await;
        for path in &cached {
            assert_eq!(soon(ada.api.get(path)).await.status(), StatusCode::OK, "{way:?}: {path}");
        }
        for answer in ask_what_needs_postgres(&ada).await {
            let url = answer.url().clone();
            assert!(!was_done(answer).await, "{way:?}: {url}");
        }

        proxy.set(Way::Open);
        until(async || missing(&here).await.is_empty()).await;
        assert_eq!(soon(ada.api.get("/users")).await.status(), StatusCode::OK, "{way:?}: back");
    }

    let posts: Vec<String> = sqlx::query_scalar("SELECT body FROM posts").fetch_all(&pool).await.expect("rows");
    assert_eq!(posts, ["hello"], "a refused post is there");
}

#[tokio::test]
async fn who_waits_for_postgres_when_it_vanishes_is_told_so_then() {
    let (_backend, proxy, here) = behind_a_proxy(&[]).await;
    let ada = here.api().register("ada").await;

    proxy.set(Way::Frozen);
    // Each the first to find out.
    let answers = ask_what_needs_postgres(&ada).await;

    for answer in answers {
        let url = answer.url().clone();
        assert!(!was_done(answer).await, "{url}");
    }
}

/// Postgres vanishes when it has been sent this; gives the answer to the write.
async fn write_interrupted_at(request: &'static str) -> Value {
    let (_backend, proxy, here) = behind_a_proxy(&[]).await;
    let ada = here.api().register("ada").await;

    proxy.lay(Some(Snare::Request(request)));
    let writing = tokio::spawn({
        let (api, path) = (ada.api.clone(), format!("/users/{}", ada.id));
        async move { api.patch(&path, &json!({ "bio": "who knows" })).await }
    });
    soon(proxy.until_caught(1)).await;
    proxy.set(Way::Frozen);
    let answer = soon(writing).await.expect("no panic");

    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn a_commit_under_way_when_postgres_vanishes_is_unknown_then() {
    let problem = write_interrupted_at("COMMIT").await;

    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("Look before")), "{problem}");
}

#[tokio::test]
async fn a_write_under_way_when_postgres_vanishes_is_refused_then() {
    let problem = write_interrupted_at("UPDATE users").await;

    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.contains("Look before")), "{problem}");
}

#[tokio::test]
async fn connections_that_vanished_with_postgres_are_nobodys_when_it_is_back() {
    // Before the connections have been idle for so long that they would be asked first.
    let (backend, proxy, here) = behind_a_proxy(&[("DATABASE_PROBE_TIMEOUT", "100ms")]).await;
    let list = async || soon(here.api().get("/users")).await.status();
    let lists = async || join_all((0..6).map(async |_| list().await)).await;
    let outside = backend.database.pool().await;
    let mut lock = outside.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.expect("the table is free");
    // Now each of them uses a connection of its own.
    let unlock = async {
        until(async || stuck(&backend).await >= 4).await;
        lock.rollback().await.expect("the lock is released");
    };
    join(lists(), unlock).await;

    proxy.silence();
    until(async || list().await == StatusCode::SERVICE_UNAVAILABLE).await;

    // A busy machine may be taken for a Postgres that is away; a request that hangs may not be.
    for _ in 0..3 {
        until(async || lists().await.iter().all(|status| *status == StatusCode::OK)).await;
    }
}

/// Posts until it is told to stop; gives the ids that were answered.
async fn post_again_and_again(user: SignedIn, done: Arc<AtomicUsize>, stop: Shutdown) -> Vec<String> {
    let mut made = Vec::new();
    while !stop.has_started() {
        let response = soon(user.api.post("/posts", &json!({ "body": "hello" }))).await;
        if response.status() == StatusCode::CREATED {
            let post: Value = response.json().await.expect("JSON");
            made.push(post["id"].as_str().expect("an id").to_owned());
            done.fetch_add(1, Ordering::SeqCst);
        } else {
            assert!(!was_done(response).await);
        }
    }
    made
}

#[tokio::test]
async fn sessions_killed_under_load_make_no_false_success_and_the_service_recovers() {
    let backend = Backend::create().await;
    let here = backend.start().await;
    let outside = backend.database.pool().await;
    let ada = here.api().register("ada").await;
    let (done, stop) = (Arc::<AtomicUsize>::default(), Shutdown::new());
    let writers: Vec<_> =
        (0..8).map(|_| tokio::spawn(post_again_and_again(ada.clone(), Arc::clone(&done), stop.clone()))).collect();

    // Each time after some writes went well: it has recovered.
    for _ in 0..10 {
        let before = done.load(Ordering::SeqCst);
        until(async || done.load(Ordering::SeqCst) > before + 20).await;
        kill_all_sessions(&outside).await;
    }
    stop.start();
    let mut made = Vec::new();
    for writer in writers {
        made.extend(soon(writer).await.expect("every answer is a success or a refusal"));
    }

    let stored: Vec<String> = sqlx::query_scalar("SELECT id::text FROM posts").fetch_all(&outside).await.expect("rows");
    assert!(made.len() > 200);
    assert!(made.iter().all(|id| stored.contains(id)), "an answered post is not there");
    // The last kill may have met this read's connection.
    until(async || ada.api.get("/home").await.status() == StatusCode::OK).await;
    assert_eq!(ada.home().await.len(), 20);
}
