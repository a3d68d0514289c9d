//! The upkeep of sessions: uses are written back rarely and in batches, and none of it may end a session that is used.

use aside::{config::Config, postgres::sessions};
use chrono::{DateTime, TimeDelta, Utc};
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use sqlx::{Executor, PgPool};
use uuid::Uuid;

use super::{soon, until};
use crate::{
    api::{Api, SignedIn},
    application::{Backend, TestApplication},
    proxy::{Proxy, Way},
    replica::Replica,
};

/// When the one session was last used, as Postgres knows it.
async fn last_seen(outside: &PgPool) -> DateTime<Utc> {
    sqlx::query_scalar("SELECT last_seen_at FROM sessions").fetch_one(outside).await.expect("one session")
}

async fn use_it(user: &SignedIn) -> StatusCode {
    soon(user.api.get("/users/me")).await.status()
}

/// Moves the time of these replicas.
fn advance(replicas: &[&TestApplication], by: TimeDelta) {
    for replica in replicas {
        replica.clock.advance(by);
    }
}

#[tokio::test]
async fn a_use_is_written_back_within_a_minute() {
    let backend = Backend::create().await;
    let here = backend.start().await;
    let outside = backend.database.pool().await;
    let ada = here.api().register("ada").await;
    let signed_in = last_seen(&outside).await;

    // Used once a second. The clock stands still while a batch is on its way, so what is behind now stays behind.
    for _ in 0..180 {
        advance(&[&here], TimeDelta::seconds(1));
        assert_eq!(use_it(&ada).await, StatusCode::OK);
        let used = here.clock.now();
        until(async || used - last_seen(&outside).await < TimeDelta::seconds(60)).await;
    }

    assert!(last_seen(&outside).await - signed_in > TimeDelta::seconds(120));
}

#[tokio::test]
async fn uses_soon_after_one_that_was_written_cost_no_write() {
    let backend = Backend::create().await;
    let here = backend.start().await;
    let outside = backend.database.pool().await;
    let ada = here.api().register("ada").await;
    advance(&[&here], TimeDelta::seconds(31));
    use_it(&ada).await;
    until(async || here.clock.now() - last_seen(&outside).await < TimeDelta::seconds(20)).await;
    let version = || async {
        sqlx::query_scalar::<_, String>("SELECT xmin::text FROM sessions").fetch_one(&outside).await.expect("a row")
    };
    let written = version().await;

    // Well below half a minute, since real time passes too.
    for _ in 0..15 {
        advance(&[&here], TimeDelta::seconds(1));
        assert_eq!(use_it(&ada).await, StatusCode::OK);
    }
    // Whatever was noted is written before it stops.
    here.shutdown.start();
    until(async || here.serving.is_finished()).await;

    assert_eq!(version().await, written);
}

#[tokio::test]
async fn many_sessions_are_written_back_together() {
    let backend = Backend::create().await;
    let here = backend.start().await;
    let outside = backend.database.pool().await;
    let ada = here.api().register("ada").await;
    let mut sessions = vec![ada.clone()];
    for _ in 0..30 {
        let token = here.api().sign_in("ada").await;
        sessions.push(SignedIn { api: ada.api.with_token(&token), token, ..ada.clone() });
    }
    advance(&[&here], TimeDelta::minutes(5));

    let uses = futures::future::join_all(sessions.iter().map(use_it)).await;
    let not_yet = "SELECT count(*) FROM sessions WHERE last_seen_at < $1";
    let before = here.clock.now() - TimeDelta::minutes(1);
    until(async || sqlx::query_scalar::<_, i64>(not_yet).bind(before).fetch_one(&outside).await.expect("a count") == 0)
        .await;

    assert!(uses.iter().all(|status| *status == StatusCode::OK));
    let transactions = "SELECT count(DISTINCT xmin::text) FROM sessions";
    let batches: i64 = sqlx::query_scalar(transactions).fetch_one(&outside).await.expect("a count");
    assert!(batches < 10, "{batches} statements for {} sessions", sessions.len());
}

#[tokio::test]
async fn a_session_that_is_used_shortly_before_its_idle_end_lives_on_everywhere() {
    let backend = Backend::create().await.with("SESSION_IDLE", "10m");
    let (here, there) = (backend.start().await, backend.start().await);
    let ada = here.api().register("ada").await;
    assert_eq!(use_it(&ada.at(there.public)).await, StatusCode::OK);

    // Each end is moved on by a use three seconds before, and the other replica has only an earlier end in its cells. Its
    // own use, a few seconds later, is none that would be written.
    for round in 0..6 {
        advance(&[&here, &there], TimeDelta::seconds(if round == 0 { 597 } else { 587 }));
        let (first, second) = if round % 2 == 0 { (&here, &there) } else { (&there, &here) };
        assert_eq!(use_it(&ada.at(first.public)).await, StatusCode::OK, "round {round}, used in time");
        advance(&[&here, &there], TimeDelta::seconds(10));
        assert_eq!(use_it(&ada.at(second.public)).await, StatusCode::OK, "round {round}, its old end is over");
    }
    advance(&[&here, &there], TimeDelta::seconds(601));

    assert_eq!(use_it(&ada).await, StatusCode::UNAUTHORIZED);
    assert_eq!(use_it(&ada.at(there.public)).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn uses_that_wait_to_be_written_survive_the_end_of_the_process() {
    let backend = Backend::create().await;
    let mut replica = Replica::start(backend.variables(&[])).await;
    let outside = backend.database.pool().await;
    let ada = replica.api().register("ada").await;
    sqlx::query("UPDATE sessions SET last_seen_at = last_seen_at - interval '1 hour'")
        .execute(&outside)
        .await
        .expect("a row");
    let (api, path) = (Api::new(replica.public).with_token(&ada.token), "/users/me");
    let before = Utc::now();

    assert_eq!(soon(api.get(path)).await.status(), StatusCode::OK);
    replica.signal(Signal::SIGTERM);

    assert!(soon(replica.ended()).await, "the exit code is not 0");
    assert!(last_seen(&outside).await >= before, "the use was lost");
}

#[tokio::test]
async fn a_use_that_could_not_be_written_is_made_up_for() {
    let backend = Backend::create().await;
    let proxy = Proxy::start(&backend.database.url).await;
    let url = proxy.url(&backend.database.url);
    let config: Config = backend.config(&[("DATABASE_URL", url.as_str()), ("DATABASE_ACQUIRE_TIMEOUT", "2s")]);
    let here = TestApplication::start(config).await;
    let outside = backend.database.pool().await;
    let ada = here.api().register("ada").await;
    assert_eq!(use_it(&ada).await, StatusCode::OK);

    proxy.set(Way::Cut);
    advance(&[&here], TimeDelta::seconds(40));
    assert_eq!(soon(ada.api.get("/sessions")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    proxy.set(Way::Open);

    let used = here.clock.now();
    until(async || {
        use_it(&ada).await;
        last_seen(&outside).await >= used
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_is_ahead_ends_no_session_of_others() {
    let backend = Backend::create().await.with("SESSION_IDLE", "24h");
    let (here, there) = (backend.start().await, backend.start().await);
    let outside = backend.database.pool().await;
    let ada = there.api().register("ada").await;
    advance(&[&here], TimeDelta::hours(25));

    // Over as this replica sees it, which is nobody else's business: not the absence in the cache, not the rows at a sign-in.
    let refused = use_it(&ada.at(here.public)).await;
    let elsewhere = use_it(&ada.at(there.public)).await;
    here.api().sign_in("ada").await;
    let after_a_sign_in = use_it(&ada.at(there.public)).await;
    let swept = sessions::delete_expired_sessions(&outside, Uuid::max(), 1_000).await.expect("a statement");
    outside.execute("UPDATE sessions SET idle_expires_at = now(), expires_at = now()").await.expect("they are over");
    let over = sessions::delete_expired_sessions(&outside, Uuid::max(), 1_000).await.expect("a statement");

    assert_eq!((refused, elsewhere, after_a_sign_in), (StatusCode::UNAUTHORIZED, StatusCode::OK, StatusCode::OK));
    assert_eq!((swept, over), (0, 2));
}
