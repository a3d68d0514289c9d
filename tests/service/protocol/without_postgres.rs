//! A replica that cannot reach Postgres: what is cached is served until its hard end, and nothing that a write has hit.

use chrono::TimeDelta;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{
    entries::{Entries, Held},
    eventually,
};
use crate::{
    api::SignedIn,
    application::{Backend, TestApplication},
    proxy::{Proxy, Way},
};

/// Somebody called "ada" whose entry is past its soft end by the clock of a replica without Postgres.
struct Scene {
    /// Has Postgres.
    writer: TestApplication,
    /// Has none.
    reader: TestApplication,
    ada: SignedIn,
    entries: Entries,
    entry: String,
    proxy: Proxy,
    _backend: Backend,
}

impl Scene {
    async fn set() -> Self {
        let backend = Backend::create().await;
        let proxy = Proxy::start(&backend.database.url).await;
        let url = proxy.url(&backend.database.url);
        let writer = backend.start().await;
        let reader = backend.start_with(&[("DATABASE_URL", url.as_str()), ("DATABASE_ACQUIRE_TIMEOUT", "1s")]).await;
        let ada = writer.api().register("ada").await;
        let (entries, entry) = (Entries::of(&backend).await, format!("user:{}", ada.id));
        let scene = Self { writer, reader, ada, entries, entry, proxy, _backend: backend };
        // A new replica trusts Redis once it has asked Postgres.
        eventually("the reader stores", async || {
            scene.read().await;
            scene.entries.held(&scene.entry).await == Held::Value
        })
        .await;
        scene.reader.clock.advance(TimeDelta::minutes(8));
        scene.proxy.set(Way::Cut);
        scene
    }

    /// What the replica without Postgres says of her.
    async fn read(&self) -> Response {
        self.reader.api().get(&format!("/users/{}", self.ada.id)).await
    }

    async fn stale(&self) -> f64 {
        self.reader.metric("cache_requests_total", &["entity=\"user\"", "outcome=\"stale\""]).await
    }
}

fn cache_status(response: &Response) -> &str {
    response.headers()["cache-status"].to_str().expect("text")
}

fn is_refused(response: &Response) -> bool {
    response.status() == StatusCode::SERVICE_UNAVAILABLE && response.headers().contains_key("retry-after")
}

#[tokio::test]
async fn a_value_past_its_soft_end_is_served_until_its_hard_end() {
    let scene = Scene::set().await;

    for _ in 0..20 {
        let served = scene.read().await;
        assert_eq!(served.status(), StatusCode::OK);
        assert!(cache_status(&served).starts_with("aside; hit; ttl=-"), "{}", cache_status(&served));
    }
    assert!(scene.stale().await >= 20.0);
    scene.entries.command("PEXPIRE", &scene.entry, &[b"1"]).await;
    scene.entries.until(&scene.entry, Held::Nothing).await;

    assert!(is_refused(&scene.read().await));
}

#[tokio::test]
async fn a_value_that_a_write_has_hit_is_never_served() {
    let scene = Scene::set().await;
    assert_eq!(scene.read().await.status(), StatusCode::OK);
    let path = format!("/users/{}", scene.ada.id);

    let renamed = scene.ada.api.patch(&path, &json!({ "display_name": "Ada" })).await;
    assert_eq!(renamed.status(), StatusCode::OK);
    let after_the_write = scene.read().await;
    let who_has_postgres = scene.writer.api().get_json(&path).await;
    let once_it_is_stored: Value = scene.read().await.json().await.expect("JSON");

    assert!(is_refused(&after_the_write));
    assert_eq!(who_has_postgres["display_name"], "Ada");
    assert_eq!(once_it_is_stored["display_name"], "Ada");
}

#[tokio::test]
async fn a_value_under_a_fence_is_never_served() {
    let scene = Scene::set().await;
    assert_eq!(scene.read().await.status(), StatusCode::OK);

    scene.entries.command("SET", &scene.entry, &[b"F0123456789abcdef", b"PX", b"60000"]).await;

    assert!(is_refused(&scene.read().await));
    assert_eq!(scene.entries.held(&scene.entry).await, Held::Fence);
}
