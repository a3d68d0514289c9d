//! A pooler between the service and Postgres: one that keeps clients apart is used, one that mixes them up is not.

use std::error::Error;

use aside::postgres;
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};
use tokio::process::Command;

use super::{missing, soon, until};
use crate::{
    application::{Backend, TestApplication},
    own_pooler::OwnPooler,
    proxy::{Proxy, Snare},
};

const SESSION: &[&str] = &["pool_mode = session"];
const TRANSACTION: &[&str] = &["pool_mode = transaction", "max_prepared_statements = 100"];
/// As every `PgBouncer` before 1.21.
const MIXES: &[&str] = &["pool_mode = transaction", "max_prepared_statements = 0"];

/// Registers, writes, reads and signs out, many side by side, so that statements come upon sessions of other clients.
async fn use_it(here: &TestApplication, round: &str) {
    let uses = (0..12).map(async |number| {
        let ada = here.api().register(&format!("{round}_{number}")).await;
        let body = format!("of {round} {number}");
        let post = ada.post(&body).await;
        assert_eq!(here.api().get_json(&format!("/posts/{post}")).await["body"], body);
        assert_eq!(ada.api.get_json("/users/me").await["username"], format!("{round}_{number}"));
        assert_eq!(ada.api.get_json("/home").await["items"][0]["body"], body);
        assert_eq!(ada.api.delete("/sessions").await.status(), StatusCode::NO_CONTENT);
        assert_eq!(ada.api.get("/users/me").await.status(), StatusCode::UNAUTHORIZED);
    });
    soon(join_all(uses)).await;
}

/// Migrates past the pooler.
async fn migrate(backend: &Backend, further: &[(&str, &str)]) {
    postgres::database(backend.config(further).database).migrate().await.expect("the migrations run");
}

/// Runs `aside`, which fails; gives what it wrote.
async fn failed(command: &str, backend: &Backend, further: &[(&str, &str)]) -> String {
    let mut aside = Command::new(env!("CARGO_BIN_EXE_aside"));
    aside.arg(command).env_clear().envs(backend.variables(further)).current_dir(std::env::temp_dir());
    let output = soon(aside.kill_on_drop(true).output()).await.expect("the binary starts");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[tokio::test]
async fn pgbouncer_in_session_mode_serves() {
    let backend = Backend::create().await;
    let Some(pooler) = OwnPooler::start(&backend.database.url, SESSION).await else { return };

    let here = backend.start_with(&[("DATABASE_URL", pooler.url.as_str())]).await;

    use_it(&here, "session").await;
}

#[tokio::test]
async fn pgbouncer_in_transaction_mode_serves_without_ignored_parameters() {
    let backend = Backend::create().await;
    let Some(pooler) = OwnPooler::start(&backend.database.url, TRANSACTION).await else { return };
    migrate(&backend, &[]).await;

    for mode in ["near", "off"] {
        let through = [("DATABASE_URL", pooler.url.as_str()), ("CACHE_MODE", mode)];
        let here = TestApplication::start_migrated(backend.config(&through));

        use_it(&here, mode).await;
    }

    let mut other = pooler.connect().await.expect("it answers");
    let found: String = sqlx::query_scalar("SHOW search_path").fetch_one(&mut other).await.expect("a setting");
    assert_eq!(found, "\"$user\", public", "the service has set it for all clients");
}

#[tokio::test]
async fn pooler_that_mixes_prepared_statements_is_refused() {
    let backend = Backend::create().await;
    let Some(pooler) = OwnPooler::start(&backend.database.url, MIXES).await else { return };

    for command in ["serve", "migrate"] {
        for attempt in 1..=3 {
            let said = failed(command, &backend, &[("DATABASE_URL", pooler.url.as_str())]).await;

            let reason = "mixes up the prepared statements";
            assert!(said.contains(reason) && said.contains("max_prepared_statements"), "{command} {attempt}: {said}");
            assert!(!said.contains("42P05") && !said.contains("already exists"), "{command} {attempt}: {said}");
        }
    }
}

/// Codes of `PgBouncer`'s own errors are those of a statement of another client.
#[tokio::test]
async fn pooler_that_fails_in_the_self_test_is_not_refused_as_one_that_mixes() {
    let backend = Backend::create().await;
    let proxy = Proxy::start(&backend.database.url).await;
    let settings = [TRANSACTION, &["query_timeout = 1"]].concat();
    let Some(pooler) = OwnPooler::start(&proxy.url(&backend.database.url), &settings).await else { return };
    let database = postgres::database(backend.config(&[("DATABASE_URL", pooler.url.as_str())]).database);

    proxy.lay(Some(Snare::Request("SELECT 'first'")));
    let failed = soon(database.ping()).await.expect_err("the pooler ends the connection");
    soon(proxy.until_caught(1)).await;
    proxy.lay(None);

    let cause = failed.source().expect("what the pooler said").to_string();
    assert!(cause.contains("query timeout"), "{cause}");
    until(async || database.ping().await.is_ok()).await;
}

#[tokio::test]
async fn pooler_that_begins_to_mix_is_down_until_it_does_not() {
    let backend = Backend::create().await;
    let Some(mut pooler) = OwnPooler::start(&backend.database.url, TRANSACTION).await else { return };
    migrate(&backend, &[]).await;
    let here = TestApplication::start_migrated(backend.config(&[("DATABASE_URL", pooler.url.as_str())]));
    let ada = here.api().register("ada").await;

    pooler.restart_with(&backend.database.url, MIXES).await;
    until(async || missing(&here).await == ["postgres"]).await;
    assert_eq!(ada.api.get("/users").await.status(), StatusCode::SERVICE_UNAVAILABLE);

    pooler.restart_with(&backend.database.url, TRANSACTION).await;
    until(async || missing(&here).await.is_empty()).await;
    assert_eq!(ada.api.post("/posts", &json!({ "body": "back" })).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn schema_holds_whatever_other_clients_of_the_pooler_set() {
    const SERVER_CONNECTIONS: usize = 4;
    let backend = Backend::create().await.with("DATABASE_SCHEMA", "ours");
    let few = format!("default_pool_size = {SERVER_CONNECTIONS}");
    let settings = [TRANSACTION, &[&few]].concat();
    let Some(pooler) = OwnPooler::start(&backend.database.url, &settings).await else { return };
    let outside = backend.database.pool().await;
    for schema in ["ours", "theirs"] {
        outside.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.expect("the test owns its database");
        migrate(&backend, &[("DATABASE_SCHEMA", schema)]).await;
    }
    let through = [("DATABASE_URL", pooler.url.as_str()), ("CACHE_MODE", "off")];
    let here = TestApplication::start_migrated(backend.config(&through));

    for round in 0..3 {
        let mut others = Vec::new();
        for _ in 0..SERVER_CONNECTIONS {
            let mut other = pooler.connect().await.expect("it answers");
            soon(other.execute("BEGIN; SET search_path = theirs")).await.expect("it may");
            others.push(other);
        }
        for other in &mut others {
            other.execute("COMMIT").await.expect("it may");
        }
        use_it(&here, &format!("round_{round}")).await;
    }

    let misled = "SELECT count(*) FROM theirs.users";
    assert_eq!(sqlx::query_scalar::<_, i64>(misled).fetch_one(&outside).await.expect("a count"), 0);
}

#[tokio::test]
async fn migrations_through_a_pooler_in_transaction_mode_are_refused() {
    let backend = Backend::create().await;
    let Some(pooler) = OwnPooler::start(&backend.database.url, TRANSACTION).await else { return };

    for command in ["serve", "migrate"] {
        let said = failed(command, &backend, &[("DATABASE_URL", pooler.url.as_str())]).await;

        assert!(said.contains("migrations need a session"), "{said}");
    }
}
