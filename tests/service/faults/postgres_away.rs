//! Postgres is not there, goes away and comes back: 503 and no false success, and the service recovers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aside::{app::Application, shutdown::Shutdown};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{soon, until};
use crate::{
    api::{Api, SignedIn},
    application::Backend,
    proxy::{Proxy, Way},
};

/// Whether a write was done; otherwise it was refused as it should be.
async fn was_done(response: Response) -> bool {
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
    let application = Application::build(config).await.expect("it needs no Postgres to start");
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
    assert_eq!(ada.home().await.len(), 20);
}
