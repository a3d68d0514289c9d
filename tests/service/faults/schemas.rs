//! Where the tables are, who may use them, and a replica that has none to use.

use std::collections::HashSet;

use aside::{app::Application, postgres};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgPool};

use super::{soon, until};
use crate::{
    api::Api,
    application::{Backend, TestApplication},
};

/// Makes a replica that leaves the schema as it is; gives its two addresses.
fn serve_without_migrating(backend: &Backend, further: &[(&str, &str)]) -> (Api, Api) {
    let application = Application::build(backend.config(further)).expect("it needs no schema to start");
    let addresses = (Api::new(application.public_address()), Api::new(application.admin_address()));
    tokio::spawn(application.serve(false));
    addresses
}

async fn has_table(outside: &PgPool, name: &str) -> bool {
    let found = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(name);
    found.fetch_one(outside).await.expect("an answer")
}

#[tokio::test]
async fn a_schema_named_like_the_role_changes_nothing() {
    let backend = Backend::create().await;
    let here = backend.start().await;
    let outside = backend.database.pool().await;
    let ada = here.api().register("ada").await;
    let role: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&outside).await.expect("a role");

    outside.execute(AssertSqlSafe(format!("CREATE SCHEMA \"{role}\""))).await.expect("a schema");
    let there = backend.start().await;

    assert_eq!(ada.at(there.public).api.get_json("/users/me").await["username"], "ada");
    assert!(!has_table(&outside, &format!("\"{role}\".users")).await);
    assert!(!has_table(&outside, &format!("\"{role}\"._sqlx_migrations")).await);
}

#[tokio::test]
async fn the_setting_says_which_schema_the_tables_are_in() {
    let backend = Backend::create().await.with("DATABASE_SCHEMA", "Elsewhere");
    let outside = backend.database.pool().await;
    let postgres = postgres::database(backend.config(&[]).database);

    let refused = postgres.migrate().await.expect_err("there is no such schema").to_string();
    outside.execute("CREATE SCHEMA \"Elsewhere\"").await.expect("a schema");
    let here = backend.start().await;
    let ada = here.api().register("ada").await;
    ada.post("hello").await;

    assert!(refused.contains("DATABASE_SCHEMA") && refused.contains("CREATE SCHEMA \"Elsewhere\""), "{refused}");
    for table in ["users", "invalidation_outbox", "_sqlx_migrations"] {
        assert!(has_table(&outside, &format!("\"Elsewhere\".{table}")).await, "{table}");
        assert!(!has_table(&outside, &format!("public.{table}")).await, "{table}");
    }
}

#[tokio::test]
async fn writers_with_an_empty_search_path_invalidate_too() {
    let backend = Backend::create().await;
    let here = backend.start().await;
    let ada = here.api().register("ada").await;
    ada.api.get("/users/me").await;
    let mut outside = backend.database.pool().await.acquire().await.expect("a connection");

    outside.execute("SELECT set_config('search_path', '', false)").await.expect("a setting");
    for statement in [
        "UPDATE public.users SET display_name = 'Restored', version = version + 1",
        "INSERT INTO public.posts SELECT gen_random_uuid(), id, 'restored', 1, now(), now() FROM public.users",
        "UPDATE public.posts SET body = 'again'",
        "DELETE FROM public.posts",
        "UPDATE public.sessions SET last_seen_at = last_seen_at",
    ] {
        outside.execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    until(async || ada.api.get_json("/users/me").await["display_name"] == "Restored").await;
}

#[tokio::test]
async fn a_replica_without_tables_is_not_ready_until_they_appear() {
    let backend = Backend::create().await;
    let (public, admin) = serve_without_migrating(&backend, &[]);

    // Redis is there a moment later than the answers.
    until(async || admin.get("/readyz").await.text().await.is_ok_and(|text| text.contains(r#"["schema"]"#))).await;
    let before = soon(admin.get("/readyz")).await;
    let read = soon(public.get("/users")).await.status();
    let status = before.status();
    let document: Value = before.json().await.expect("JSON");
    postgres::database(backend.config(&[]).database).migrate().await.expect("the migrations run");
    until(async || admin.get("/readyz").await.status() == StatusCode::OK).await;

    assert_eq!((status, &document["missing"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(["schema"])));
    assert_eq!(document["status"], 503);
    assert_eq!(read, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(soon(public.get("/users")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_replica_without_rights_is_not_ready_until_it_has_them() {
    let backend = Backend::create().await;
    let migrated: TestApplication = backend.start().await;
    let mut url = backend.database.url.clone();
    // A role that every server has and that has no right on our tables.
    url.set_query(Some("options=-c%20role%3Dpg_monitor"));
    let (public, admin) = serve_without_migrating(&backend, &[("DATABASE_URL", url.as_str())]);

    until(async || admin.get("/readyz").await.text().await.is_ok_and(|text| text.contains("[\"schema\"]"))).await;
    let read = soon(public.get("/users")).await.status();
    let tables = "users, sessions, posts, follows, account_deletions, invalidation_outbox";
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO pg_monitor");
    backend.database.pool().await.execute(AssertSqlSafe(grant)).await.expect("a grant");
    until(async || admin.get("/readyz").await.status() == StatusCode::OK).await;

    assert_eq!(read, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(soon(public.get("/users")).await.status(), StatusCode::OK);
    drop(migrated);
}

#[tokio::test]
async fn a_replica_is_not_ready_before_all_its_migrations_were_run_and_ready_with_newer_ones() {
    let backend = Backend::create().await;
    let migrated = backend.start().await;
    let outside = backend.database.pool().await;
    outside.execute("CREATE TABLE applied AS TABLE _sqlx_migrations").await.expect("a copy");
    let is_ready = async || Api::new(migrated.admin).get("/readyz").await.status() == StatusCode::OK;
    until(&is_ready).await;

    outside
        .execute("DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM applied)")
        .await
        .expect("one");
    until(async || !is_ready().await).await;
    let newer = "INSERT INTO _sqlx_migrations SELECT 20991231235959, 'newer', now(), true, '', 1";
    outside.execute("TRUNCATE _sqlx_migrations").await.expect("none");
    outside.execute("INSERT INTO _sqlx_migrations TABLE applied").await.expect("all");
    outside.execute(newer).await.expect("a newer one");
    until(&is_ready).await;
}

/// The next session that waits for a lock in this database and is not `but`.
async fn waiting_session(outside: &PgPool, but: Option<i32>) -> i32 {
    let waiting = "SELECT pid FROM pg_locks
         WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND pid IS DISTINCT FROM $1 LIMIT 1";
    loop {
        let found = sqlx::query_scalar(waiting).bind(but).fetch_optional(outside).await;
        if let Some(session) = found.expect("the locks are readable") {
            return session;
        }
    }
}

#[tokio::test]
async fn migrations_whose_session_is_ended_begin_again() {
    let backend = Backend::create().await;
    drop(backend.start().await);
    let outside = backend.database.pool().await;
    // It changes nothing that it has changed before.
    outside.execute("DELETE FROM _sqlx_migrations WHERE version = 20261201000008").await.expect("it can run again");
    let mut holder = outside.begin().await.expect("a transaction");
    holder.execute("LOCK TABLE _sqlx_migrations IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
    // Only the end of its session makes the migration begin again.
    let settings = backend.config(&[("DATABASE_LOCK_TIMEOUT", "10m")]).database;
    let mut migrating = tokio::spawn(async move { postgres::database(settings).migrate().await });

    let first = soon(waiting_session(&outside, None)).await;
    let ended: bool = sqlx::query_scalar("SELECT pg_terminate_backend($1)")
        .bind(first)
        .fetch_one(&outside)
        .await
        .expect("the right to end it");
    assert!(ended);
    tokio::select! {
        outcome = &mut migrating => panic!("it gave up: {outcome:?}"),
        _second = soon(waiting_session(&outside, Some(first))) => {}
    }
    holder.commit().await.expect("the lock is released");

    soon(migrating).await.expect("no panic").expect("the migrations run");
}

#[tokio::test]
async fn migrations_wait_longer_than_any_time_out_for_a_lock() {
    let backend = Backend::create().await;
    drop(backend.start().await);
    let outside = backend.database.pool().await;
    // It changes nothing that it has changed before.
    outside.execute("DELETE FROM _sqlx_migrations WHERE version = 20261201000008").await.expect("it can run again");
    let short = [("DATABASE_STATEMENT_TIMEOUT", "200ms"), ("DATABASE_LOCK_TIMEOUT", "200ms")];
    let mut holder = outside.begin().await.expect("a transaction");
    holder.execute("LOCK TABLE _sqlx_migrations IN ACCESS EXCLUSIVE MODE").await.expect("a lock");

    let postgres = postgres::database(backend.config(&short).database);
    let migrating = tokio::spawn(async move { postgres.migrate().await });
    let waiting = "SELECT DISTINCT pid FROM pg_locks
         WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let mut seen = HashSet::new();
    soon(async {
        while seen.len() < 3 && !migrating.is_finished() {
            let waiters: Vec<i32> = sqlx::query_scalar(waiting).fetch_all(&outside).await.expect("backends");
            seen.extend(waiters);
        }
    })
    .await;
    assert!(!migrating.is_finished(), "it gave up");
    holder.commit().await.expect("the lock is released");

    soon(migrating).await.expect("no panic").expect("the migrations run");
}
