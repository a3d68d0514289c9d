//! The end of a process: what it took it answers, what it began it finishes, and nobody who is idle holds it up.

use nix::sys::signal::Signal;
use reqwest::{Response, StatusCode};
use serde_json::json;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::{io::AsyncReadExt, net::TcpStream, task::JoinHandle};

use super::{fences, soon, until};
use crate::{
    api::{Api, SignedIn},
    application::Backend,
    replica::Replica,
};

/// A process, and somebody whose row is locked: their writes wait until the lock is released.
struct Scene {
    backend: Backend,
    replica: Replica,
    outside: PgPool,
    lock: Transaction<'static, Postgres>,
    ada: SignedIn,
}

async fn scene(variables: &[(&str, &str)]) -> Scene {
    // No fence runs out while these tests look: those that are gone were lifted.
    let backend = Backend::create().await.with("CACHE_FENCE", "30m").with("DATABASE_LOCK_TIMEOUT", "50s");
    let patience = [("DATABASE_STATEMENT_TIMEOUT", "50s"), ("DATABASE_TRANSACTION_TIMEOUT", "50s")];
    let generous = [("HTTP_SHUTDOWN_TIMEOUT", "50s")];
    let replica = Replica::start(backend.variables(&[&patience[..], &generous, variables].concat())).await;
    let outside = backend.database.pool().await;
    let ada = replica.api().register("ada").await;
    let mut lock = outside.begin().await.expect("a transaction");
    sqlx::query("SELECT FROM users FOR UPDATE").execute(&mut *lock).await.expect("a lock");
    Scene { backend, replica, outside, lock, ada }
}

/// Starts changes of somebody who is locked, and waits until all of them wait.
async fn start_writes(outside: &PgPool, ada: &SignedIn, writes: i64) -> Vec<JoinHandle<reqwest::Result<Response>>> {
    let started = (0..writes)
        .map(|write| {
            let body = json!({ "display_name": format!("write {write}") });
            let request = ada.api.request(reqwest::Method::PATCH, &format!("/users/{}", ada.id)).json(&body);
            tokio::spawn(request.send())
        })
        .collect();
    until(async || waiting(outside).await == writes).await;
    started
}

async fn waiting(outside: &PgPool) -> i64 {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    sqlx::query_scalar(waiting).fetch_one(outside).await.expect("the test's database answers")
}

async fn until_stopping(replica: &Replica) {
    until(async || Api::new(replica.admin).get("/readyz").await.status() == StatusCode::SERVICE_UNAVAILABLE).await;
}

/// Waits until the other side closes.
async fn until_closed(mut socket: TcpStream) {
    let mut rest = Vec::new();
    let _closed_or_reset = soon(socket.read_to_end(&mut rest)).await;
}

async fn ends_softly_after(signal: Signal) {
    let Scene { backend, mut replica, outside, lock, ada } = scene(&[]).await;
    let idle = TcpStream::connect(replica.public).await.expect("the replica listens");
    let writes = start_writes(&outside, &ada, 4).await;

    replica.signal(signal);
    until_stopping(&replica).await;
    until_closed(idle).await;
    until(async || TcpStream::connect(replica.public).await.is_err()).await;
    lock.commit().await.expect("the lock is released");

    for write in writes {
        let answer = soon(write).await.expect("it does not panic").expect("what was taken is answered");
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert!(soon(replica.ended()).await, "the exit code is not 0");
    let version: i64 = sqlx::query_scalar("SELECT version FROM users").fetch_one(&outside).await.expect("a row");
    assert_eq!(version, 5);
    assert!(fences(&backend).await.is_empty());
}

#[tokio::test]
async fn sigterm_answers_what_was_taken_and_ends_well() {
    ends_softly_after(Signal::SIGTERM).await;
}

#[tokio::test]
async fn sigint_answers_what_was_taken_and_ends_well() {
    ends_softly_after(Signal::SIGINT).await;
}

#[tokio::test]
async fn sigterm_ends_readiness_first_and_serving_goes_on() {
    let backend = Backend::create().await.with("HTTP_DRAIN_DELAY", "30m");
    let mut replica = Replica::start(backend.variables(&[])).await;
    let ada = replica.api().register("ada").await;

    replica.signal(Signal::SIGTERM);
    until_stopping(&replica).await;
    // On the connection that is kept, and on a new one.
    let kept = ada.api.get("/users/me").await;
    let new = Api::new(replica.public).get("/home").await;
    replica.signal(Signal::SIGTERM);

    for answer in [kept, new] {
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["connection"], "close");
    }
    // The second signal does not wait for the half hour.
    soon(replica.ended()).await;
}

#[tokio::test]
async fn sigint_does_not_wait_for_proxies() {
    let backend = Backend::create().await.with("HTTP_DRAIN_DELAY", "30m");
    let mut replica = Replica::start(backend.variables(&[])).await;

    replica.signal(Signal::SIGINT);

    assert!(soon(replica.ended()).await, "the exit code is not 0");
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_is_finished() {
    // The deadline answers its request before the lock is released.
    let Scene { backend, mut replica, outside, lock, ada } = scene(&[("HTTP_REQUEST_TIMEOUT", "3s")]).await;
    let write = start_writes(&outside, &ada, 1).await.remove(0);
    let answer = soon(write).await.expect("it does not panic").expect("an answer");

    let slow = TcpStream::connect(replica.public).await.expect("the replica listens");
    replica.signal(Signal::SIGTERM);
    until_closed(slow).await;
    lock.commit().await.expect("the lock is released");

    assert!(soon(replica.ended()).await, "the exit code is not 0");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let name: String = sqlx::query_scalar("SELECT display_name FROM users").fetch_one(&outside).await.expect("a row");
    assert_eq!(name, "write 0");
    assert!(fences(&backend).await.is_empty());
}

#[tokio::test]
async fn a_request_that_does_not_end_holds_the_process_up_only_so_long() {
    let Scene { backend: _backend, mut replica, outside, lock, ada } =
        scene(&[("HTTP_SHUTDOWN_TIMEOUT", "200ms")]).await;
    let write = start_writes(&outside, &ada, 1).await.remove(0);

    replica.signal(Signal::SIGTERM);

    assert!(soon(replica.ended()).await, "the exit code is not 0");
    assert!(soon(write).await.expect("it does not panic").is_err(), "it was answered");
    lock.rollback().await.expect("the lock was held all the time");
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let Scene { backend: _backend, mut replica, outside, lock, ada } = scene(&[]).await;
    let write = start_writes(&outside, &ada, 1).await.remove(0);

    replica.signal(Signal::SIGTERM);
    until_stopping(&replica).await;
    replica.signal(Signal::SIGINT);

    soon(replica.ended()).await;
    assert!(soon(write).await.expect("it does not panic").is_err(), "it was answered");
    lock.rollback().await.expect("the lock was held all the time");
}
