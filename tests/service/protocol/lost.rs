//! Writers that die or stop, callers that go away, fences that are lost: each in the middle of a write.

use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use sqlx::PgPool;

use super::{entries::Held, eventually, patient_backend, pause_point::PausePoint, scene::Scene};
use crate::{
    application::Backend,
    proxy::{Proxy, Snare, Way},
    replica::Replica,
    test_redis,
};

#[tokio::test]
async fn crash_after_commit() {
    let scene = Scene::set().await;
    let writer = Replica::start(scene.backend.variables(&[])).await;
    let pause = PausePoint::at_commit(&scene.backend.database, "users").await;
    let renaming = scene.rename(writer.public);
    pause.reached().await;

    writer.stop();
    pause.open().await;
    eventually("the row is committed", async || scene.name_in_postgres().await == "new").await;
    let name_while_stopped = scene.name_read().await;
    writer.signal(Signal::SIGKILL);

    assert!(renaming.await.expect("no panic").is_err(), "the write was not answered");
    assert_eq!(name_while_stopped, "new");
    assert_eq!(scene.entries.held(&scene.entry).await, Held::Fence, "its writer is dead");
    assert_eq!(scene.name_read().await, "new");
    // Its end, which the test does not wait for.
    scene.entries.evict(&scene.entry).await;
    assert_eq!(scene.name_read().await, "new");
    assert_eq!(scene.entries.held(&scene.entry).await, Held::Value);
    assert_eq!(scene.name_read().await, "new");
}

#[tokio::test]
async fn evicted_fence() {
    let scene = Scene::set().await;
    let writer = scene.backend.start().await;
    let pause = PausePoint::at_commit(&scene.backend.database, "users").await;
    let renaming = scene.rename(writer.public);
    pause.reached().await;

    scene.entries.evict(&scene.entry).await;
    assert_eq!(scene.name_read().await, "old", "it is not committed yet");
    assert_eq!(scene.entries.held(&scene.entry).await, Held::Value, "a stale fill stands where the fence stood");
    pause.open().await;

    assert_eq!(renaming.await.expect("no panic").expect("an answer"), StatusCode::OK);
    assert_eq!(scene.name_read().await, "new");
}

#[tokio::test]
async fn writer_stopped_between_fence_and_commit() {
    let scene = Scene::set().await;
    let proxy = Proxy::start(&test_redis::url()).await;
    let replica = short_lived_writer(&scene.backend, &proxy).await;
    let pause = PausePoint::after_change(&scene.backend.database, "users").await;
    let renaming = scene.rename(replica.public);
    pause.reached().await;
    proxy.set(Way::RepliesHeld);
    pause.open().await;
    scene.entries.until(&scene.entry, Held::Fence).await;
    replica.stop();
    proxy.set(Way::Open);

    // What 30 seconds would do: the server ends the transaction by itself.
    eventually("the transaction or its fence has ended", async || {
        open_transactions(&scene.pool).await == 0 || scene.entries.held(&scene.entry).await != Held::Fence
    })
    .await;
    let held = scene.entries.held(&scene.entry).await;
    let name_while_stopped = scene.name_read().await;
    replica.signal(Signal::SIGCONT);
    let answer = renaming.await.expect("no panic").expect("an answer");

    assert_eq!(held, Held::Fence, "no transaction outlives its fence");
    assert_eq!(answer, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((name_while_stopped.as_str(), scene.name_in_postgres().await.as_str()), ("old", "old"));
    assert_eq!(scene.name_read().await, "old");
}

#[tokio::test]
async fn relay_stopped_with_rows_in_hand() {
    let backend = patient_backend().await;
    let proxy = Proxy::start(&test_redis::url()).await;
    let redis = proxy.url(&test_redis::url());
    let variables = [("REDIS_URL", redis.as_str()), ("REDIS_COMMAND_TIMEOUT", "5s")];
    let relay = Replica::start(backend.variables(&variables)).await;
    let ada = relay.api().register("ada").await;
    let pool = backend.database.pool().await;
    eventually("what she wrote is done with", async || rows_at_rest(&pool).await == (0, 0)).await;
    // The relay's own script, after Redis has answered that it is there.
    proxy.lay(Some(Snare::Request("user:")));
    sqlx::query("UPDATE users SET display_name = 'new'").execute(&pool).await.expect("the update");
    eventually("the relay has them in hand", async || {
        let (all, free) = rows_at_rest(&pool).await;
        all > 0 && free == 0
    })
    .await;

    relay.stop();

    // Long before the 40 seconds that it may last: the server ends the transaction by itself.
    eventually("they are free for other relays", async || rows_at_rest(&pool).await.1 > 0).await;
    let other = backend.start().await;
    eventually("they are done with", async || rows_at_rest(&pool).await.0 == 0).await;
    let user = other.api().get_json(&format!("/users/{}", ada.id)).await;
    assert_eq!(user["display_name"], "new");
}

/// Rows of the outbox, and those of them that no transaction has in hand.
async fn rows_at_rest(pool: &PgPool) -> (i64, i64) {
    let counts = "SELECT (SELECT count(*) FROM invalidation_outbox),
                         (SELECT count(*) FROM (SELECT FROM invalidation_outbox FOR UPDATE SKIP LOCKED) AS free)";
    sqlx::query_as(counts).fetch_one(pool).await.expect("rows can be counted")
}

/// A replica whose transactions are ended by the server within two seconds, and which the proxy can cut off from Redis.
async fn short_lived_writer(backend: &Backend, proxy: &Proxy) -> Replica {
    let redis = proxy.url(&test_redis::url());
    let variables = [
        ("REDIS_URL", redis.as_str()),
        ("DATABASE_STATEMENT_TIMEOUT", "2s"),
        ("DATABASE_LOCK_TIMEOUT", "2s"),
        ("DATABASE_TRANSACTION_TIMEOUT", "2s"),
        ("CACHE_FENCE", "8s"),
    ];
    Replica::start(backend.variables(&variables)).await
}

async fn open_transactions(pool: &PgPool) -> i64 {
    let idle = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    sqlx::query_scalar(idle).fetch_one(pool).await.expect("sessions can be listed")
}

#[tokio::test]
async fn caller_that_is_cancelled_in_the_middle_of_a_write() {
    let scene = Scene::set().await;
    let writer = scene.backend.start_with(&[("HTTP_REQUEST_TIMEOUT", "1s")]).await;
    let pause = PausePoint::at_commit(&scene.backend.database, "users").await;
    let renaming = scene.rename(writer.public);
    pause.reached().await;
    let given_up = renaming.await.expect("no panic").expect("an answer");
    assert!(given_up.is_server_error(), "its handler was dropped: {given_up}");
    assert_eq!(scene.entries.held(&scene.entry).await, Held::Fence);

    pause.open().await;

    scene.entries.until(&scene.entry, Held::Nothing).await;
    assert_eq!(scene.name_in_postgres().await, "new");
    assert_eq!(scene.name_read().await, "new");
}

#[tokio::test]
async fn caller_that_disconnects_in_the_middle_of_a_write() {
    let scene = Scene::set().await;
    let pause = PausePoint::at_commit(&scene.backend.database, "users").await;
    let renaming = scene.rename(scene.reader.public);
    pause.reached().await;
    renaming.abort();
    assert!(renaming.await.is_err_and(|ended| ended.is_cancelled()), "its connection is closed");

    pause.open().await;

    scene.entries.until(&scene.entry, Held::Nothing).await;
    assert_eq!(scene.name_in_postgres().await, "new");
    assert_eq!(scene.name_read().await, "new");
}

#[tokio::test]
async fn reply_to_a_commit_that_is_lost_while_it_may_still_happen() {
    let scene = Scene::set().await;
    let proxy = Proxy::start(&scene.backend.database.url).await;
    let database = proxy.url(&scene.backend.database.url);
    let writer = scene.backend.start_with(&[("DATABASE_URL", database.as_str())]).await;
    let pause = PausePoint::at_commit(&scene.backend.database, "users").await;
    let renaming = scene.rename(writer.public);
    pause.reached().await;

    proxy.set(Way::Cut);
    let answer = renaming.await.expect("no panic").expect("an answer");
    let name_before = scene.name_read().await;
    let held = scene.entries.held(&scene.entry).await;
    pause.open().await;
    eventually("the row is committed", async || scene.name_in_postgres().await == "new").await;

    assert_eq!(scene.name_read().await, "new", "a fence that was released would have let a stale fill in");
    assert_eq!((answer, name_before.as_str(), held), (StatusCode::SERVICE_UNAVAILABLE, "old", Held::Fence));
}

#[tokio::test]
async fn sign_out_whose_writer_dies_after_its_commit() {
    let scene = Scene::set().await;
    let writer = Replica::start(scene.backend.variables(&[])).await;
    scene.ada.api.get_json("/users/me").await;
    let pause = PausePoint::at_commit(&scene.backend.database, "sessions").await;
    let signing_out = scene.ada.api.at(writer.public).request(Method::DELETE, "/sessions/current").send();
    let signing_out = tokio::spawn(signing_out);
    pause.reached().await;

    writer.stop();
    pause.open().await;
    eventually("the session is gone", async || {
        let left = sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&scene.pool).await;
        left.is_ok_and(|left: i64| left == 0)
    })
    .await;
    writer.signal(Signal::SIGKILL);

    assert!(signing_out.await.expect("no panic").is_err(), "the write was not answered");
    assert_eq!(scene.ada.api.get("/users/me").await.status(), StatusCode::UNAUTHORIZED);
}
