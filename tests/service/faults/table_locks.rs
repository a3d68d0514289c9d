//! A table is locked: reads of it are refused soon, well before the time-out of writes.

use reqwest::{Response, StatusCode};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;

use super::{overload::stuck, soon, until};
use crate::{
    api::Api,
    application::{Backend, TestApplication},
    own_pooler::OwnPooler,
};

/// The write that waits began first, so a read with the same time-out would be answered last.
const TIMEOUTS: [(&str, &str); 4] = [
    ("DATABASE_LOCK_TIMEOUT", "8s"),
    ("DATABASE_STATEMENT_TIMEOUT", "30s"),
    ("DATABASE_TRANSACTION_TIMEOUT", "30s"),
    ("CACHE_FENCE", "2m"),
];

fn get(api: Api, path: String) -> JoinHandle<Response> {
    tokio::spawn(async move { soon(api.get(&path)).await })
}

/// Reads a locked table from all of these, while a write waits for the same lock.
async fn reads_are_refused_first(backend: &Backend, replicas: &[TestApplication]) {
    let ada = replicas[0].api().register("ada").await;
    let post = ada.post("before").await;
    let mut outside = PgConnection::connect(backend.database.url.as_str()).await.expect("postgres answers");
    let mut lock = outside.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.expect("the table is free");
    let write = tokio::spawn({
        let (ada, path) = (ada.clone(), format!("/posts/{post}"));
        async move { soon(ada.api.patch(&path, &json!({ "body": "after" }))).await.status() }
    });
    until(async || stuck(backend).await == 1).await;

    let paths = [format!("/posts/{post}"), format!("/users/{}/posts", ada.id), "/home".to_owned()];
    let reads: Vec<_> = replicas
        .iter()
        .flat_map(|replica| paths.each_ref().map(|path| get(ada.api.at(replica.public), path.clone())))
        .collect();
    for read in reads {
        let answer = read.await.expect("no panic");

        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{}", answer.url());
        assert!(answer.headers().contains_key("retry-after"), "{}", answer.url());
    }
    assert!(!write.is_finished(), "a write waits for longer");
    lock.rollback().await.expect("the lock is released");
    assert_eq!(write.await.expect("no panic"), StatusCode::OK);
    for replica in replicas {
        assert_eq!(replica.api().get_json(&format!("/posts/{post}")).await["body"], "after");
    }
}

async fn backend() -> Backend {
    TIMEOUTS.into_iter().fold(Backend::create().await, |backend, (name, value)| backend.with(name, value))
}

#[tokio::test]
async fn reads_of_a_locked_table_are_refused_while_writes_still_wait() {
    for mode in ["near", "off"] {
        let backend = backend().await.with("CACHE_MODE", mode);
        let replicas = [backend.start().await, backend.start().await, backend.start().await];

        reads_are_refused_first(&backend, &replicas).await;
    }
}

#[tokio::test]
async fn reads_of_a_locked_table_are_refused_behind_a_pooler_too() {
    let backend = backend().await;
    let settings = ["pool_mode = transaction", "max_prepared_statements = 100"];
    let Some(pooler) = OwnPooler::start(&backend.database.url, &settings).await else { return };
    let migrated = backend.start().await;
    let through = [("DATABASE_URL", pooler.url.as_str())];
    let behind = TestApplication::start_migrated(backend.config(&through));
    drop(migrated);

    reads_are_refused_first(&backend, &[behind]).await;
}
