//! Durable invalidation: what the outbox holds reaches every cache, whoever wrote it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    api::{Api, SignedIn},
    application::Backend,
    patience::until,
    proxy::{Proxy, Way},
    test_database::outbox_is_empty,
    test_redis,
};

async fn display_name(api: &Api, user: &SignedIn) -> String {
    let user: Value = api.get_json(&format!("/users/{}", user.id)).await;
    user["display_name"].as_str().expect("a name").to_owned()
}

/// Reads until the name is there. That it ever is, long before the cell's ten minutes are over, is the relay's work.
async fn wait_for_name(api: &Api, user: &SignedIn, expected: &str) {
    until(async || display_name(api, user).await == expected).await;
}

async fn rename(user: &SignedIn, name: &str) {
    let response = user.api.patch(&format!("/users/{}", user.id), &json!({ "display_name": name })).await;
    assert_eq!(response.status(), StatusCode::OK);
}

/// Whether the last answer about this user came out of Redis.
async fn is_hit(api: &Api, user: &SignedIn) -> (bool, String) {
    let response = api.get(&format!("/users/{}", user.id)).await;
    let is_hit = response.headers()["cache-status"].to_str().expect("text").starts_with("aside; hit");
    let user: Value = response.json().await.expect("JSON");
    (is_hit, user["display_name"].as_str().expect("a name").to_owned())
}

#[tokio::test]
async fn a_row_changed_by_another_program_is_seen_by_every_reader() {
    let backend = Backend::create().await;
    let (here, there) = (backend.start().await, backend.start().await);
    let ada = here.api().register("ada").await;
    for replica in [&here, &there] {
        assert_eq!(display_name(&replica.api(), &ada).await, "ada");
    }

    let renamed = sqlx::query("UPDATE users SET display_name = 'Ada', version = version + 1");
    renamed.execute(&backend.database.pool().await).await.expect("the update");

    for replica in [&here, &there] {
        wait_for_name(&replica.api(), &ada, "Ada").await;
    }
}

#[tokio::test]
async fn a_session_deleted_by_another_program_is_over() {
    let backend = Backend::create().await;
    let replica = backend.start().await;
    let ada = replica.api().register("ada").await;
    assert_eq!(ada.api.get("/users/me").await.status(), StatusCode::OK);

    sqlx::query("DELETE FROM sessions").execute(&backend.database.pool().await).await.expect("the deletion");

    until(async || ada.api.get("/users/me").await.status() == StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn posts_and_follows_of_another_program_come_home() {
    let backend = Backend::create().await;
    let replica = backend.start().await;
    let (ada, bob) = (replica.api().register("ada").await, replica.api().register("bob").await);
    assert_eq!(bob.home().await, Vec::<String>::new());
    let pool = backend.database.pool().await;

    let follow = sqlx::query("INSERT INTO follows SELECT $1::uuid, $2::uuid, now()").bind(&bob.id).bind(&ada.id);
    follow.execute(&pool).await.expect("the follow");
    let post = "INSERT INTO posts SELECT gen_random_uuid(), $1::uuid, 'by hand', 1, now(), now()";
    sqlx::query(post).bind(&ada.id).execute(&pool).await.expect("the post");

    until(async || bob.home().await == ["by hand"]).await;
}

#[tokio::test]
async fn the_rows_of_ordinary_writes_do_not_stay() {
    let backend = Backend::create().await;
    let replica = backend.start().await;
    let ada = replica.api().register("ada").await;
    for number in 0..20 {
        ada.post(&number.to_string()).await;
    }

    let pool = backend.database.pool().await;
    until(async || outbox_is_empty(&pool).await).await;
}

#[tokio::test]
async fn what_was_written_while_redis_was_out_of_reach_is_never_undone_by_what_it_still_holds() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let backend = Backend::create().await.with("REDIS_URL", proxy.url(&test_redis::url()).to_string());
    let replica = backend.start().await;
    let ada = replica.api().register("ada").await;
    until(async || is_hit(&replica.api(), &ada).await.0).await;

    proxy.set(Way::Cut);
    rename(&ada, "Ada").await;
    assert_eq!(display_name(&replica.api(), &ada).await, "Ada");
    proxy.set(Way::Open);

    until(async || {
        let (is_hit, name) = is_hit(&replica.api(), &ada).await;
        assert_eq!(name, "Ada");
        is_hit
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_has_redis_learns_what_one_without_it_wrote() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let backend = Backend::create().await;
    let reader = backend.start().await;
    let writer = backend.start_with(&[("REDIS_URL", proxy.url(&test_redis::url()).as_str())]).await;
    let ada = writer.api().register("ada").await;
    until(async || is_hit(&reader.api(), &ada).await.0).await;

    proxy.set(Way::Cut);
    rename(&ada, "Ada").await;

    wait_for_name(&reader.api(), &ada, "Ada").await;
}

#[tokio::test]
async fn rows_are_not_held_by_a_relay_whose_redis_is_silent() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let backend = Backend::create().await;
    let healthy = backend.start().await;
    let (redis, mut postgres) = (proxy.url(&test_redis::url()), backend.database.url.clone());
    postgres.query_pairs_mut().append_pair("application_name", "silent");
    let settings =
        [("REDIS_URL", redis.as_str()), ("DATABASE_URL", postgres.as_str()), ("REDIS_COMMAND_TIMEOUT", "10m")];
    let silent = backend.start_with(&settings).await;
    let ada = healthy.api().register("ada").await;
    until(async || is_hit(&silent.api(), &ada).await.0).await;
    proxy.set(Way::Frozen);

    // Due one after the other, the first long after the silent relay has begun to wait for Redis.
    let rows = "INSERT INTO invalidation_outbox (cell, created_at)
        SELECT 'user:' || number, clock_timestamp() + (2 + number / 10.0) * interval '1 second'
        FROM generate_series(1, 20) AS number";
    let pool = backend.database.pool().await;
    sqlx::query(rows).execute(&pool).await.expect("rows");

    let held = "SELECT EXISTS (SELECT FROM pg_stat_activity
            WHERE application_name = 'silent' AND datname = current_database()
                AND state = 'idle in transaction' AND query LIKE 'DELETE FROM invalidation_outbox%')
        AND EXISTS (SELECT FROM invalidation_outbox WHERE created_at < clock_timestamp())";
    until(async || {
        let is_held: bool = sqlx::query_scalar(held).fetch_one(&pool).await.expect("sessions");
        assert!(!is_held, "rows wait for the Redis of one relay");
        outbox_is_empty(&pool).await
    })
    .await;
}
