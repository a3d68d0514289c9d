//! Tables are altered while they are read and written: what a connection has prepared before fails, and no request does.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aside_runtime::shutdown::Shutdown;
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};
use tokio::task::JoinHandle;

use super::{soon, until};
use crate::{api::SignedIn, application::Backend};

/// Asks again and again until it is told to stop; gives the statuses that were no success.
fn again_and_again<F: Future<Output = StatusCode> + Send>(
    done: &Arc<AtomicUsize>,
    stop: &Shutdown,
    ask: impl Fn() -> F + Send + 'static,
) -> JoinHandle<Vec<StatusCode>> {
    let (done, stop) = (Arc::clone(done), stop.clone());
    tokio::spawn(async move {
        let mut failed = Vec::new();
        while !stop.has_started() {
            let status = soon(ask()).await;
            done.fetch_add(1, Ordering::SeqCst);
            failed.extend((!status.is_success()).then_some(status));
        }
        failed
    })
}

fn edits(author: SignedIn, post: String) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = StatusCode> + Send>> {
    let count = Arc::<AtomicUsize>::default();
    move || {
        let (api, path) = (author.api.clone(), format!("/posts/{post}"));
        let body = json!({ "body": format!("edit {}", count.fetch_add(1, Ordering::SeqCst)) });
        Box::pin(async move { api.patch(&path, &body).await.status() })
    }
}

fn reads(reader: SignedIn, path: String) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = StatusCode> + Send>> {
    move || {
        let (api, path) = (reader.api.clone(), path.clone());
        Box::pin(async move { api.get(&path).await.status() })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altered_tables_fail_no_read_and_no_write() {
    let backend = Backend::create().await;
    let here = backend.start_with(&[("CACHE_MODE", "off")]).await;
    let ada = here.api().register("ada").await;
    let (first, second) = (ada.post("one").await, ada.post("two").await);
    let outside = backend.database.pool().await;
    let (read, written, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default(), Shutdown::new());
    let paths = [format!("/users/{}/posts", ada.id), "/home".to_owned(), format!("/posts/{first}")];
    let mut tasks: Vec<_> =
        paths.map(|path| again_and_again(&read, &stop, reads(ada.clone(), path))).into_iter().collect();
    for post in [first, second] {
        tasks.push(again_and_again(&written, &stop, edits(ada.clone(), post)));
    }

    for column_type in ["varchar(4000)", "text"].into_iter().cycle().take(10) {
        let before = (read.load(Ordering::SeqCst), written.load(Ordering::SeqCst));
        let more = |count: &AtomicUsize, before| count.load(Ordering::SeqCst) > before + 4;
        until(async || more(&read, before.0) && more(&written, before.1)).await;
        let alter = format!("ALTER TABLE posts ALTER body TYPE {column_type}");
        outside.execute(AssertSqlSafe(alter)).await.expect("the table is altered");
    }
    stop.start();
    let mut failed = Vec::new();
    for task in tasks {
        failed.extend(soon(task).await.expect("no panic"));
    }

    assert_eq!(failed, Vec::<StatusCode>::new());
}

#[tokio::test]
async fn statements_that_the_server_has_dropped_are_prepared_again() {
    let backend = Backend::create().await;
    let config = backend.config(&[("DATABASE_MAX_CONNECTIONS", "1")]);
    let database = aside::postgres::database(config.database);
    database.migrate().await.expect("the migrations run");
    let count =
        async || database.run(sqlx::query_scalar::<_, i64>("SELECT 7::bigint").fetch_one(database.pool())).await;
    count().await.expect("a number");
    database.run(database.pool().execute("DEALLOCATE ALL")).await.expect("it may");

    assert_eq!(count().await.expect("it is prepared again"), 7);

    let mut transaction = database.begin(&[], None).await.expect("a transaction");
    let drop_and_count = transaction.run(|connection| {
        Box::pin(async move {
            let number = sqlx::query_scalar::<_, i64>("SELECT 8::bigint").fetch_one(&mut *connection).await?;
            Ok(number)
        })
    });
    assert_eq!(drop_and_count.await.expect("a number"), 8);
    transaction.rollback().await;
    database.run(database.pool().execute("DEALLOCATE ALL")).await.expect("it may");
    let mut transaction = database.begin(&[], None).await.expect("a transaction");
    let count_again =
        transaction.run(|connection| Box::pin(sqlx::query_scalar::<_, i64>("SELECT 8::bigint").fetch_one(connection)));
    assert_eq!(count_again.await.expect("all of it is executed again"), 8);
}
