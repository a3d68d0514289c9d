//! Any number of readers, on any number of replicas, and one load.

use std::net::SocketAddr;

use futures::future::join_all;
use sqlx::Connection;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    cache_replica::{CacheReplica, Reading},
    eventually, patient_backend,
    things::{Things, body},
};
use crate::{application::metric, replica::Replica};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_readers_in_a_process_cost_one_load() {
    let things = Things::with("the one").await;
    let replica = things.replica().await;
    replica.hold_loads();

    let readers: Vec<_> = (0..10_000).map(|_| replica.reading(&[1])).collect();
    let load = replica.held_load().await;
    replica.settle().await;
    replica.let_loads_pass();
    load.go_on();

    for reader in readers {
        assert_eq!(body(&reader.one().await), Some("the one"));
    }
    assert_eq!((replica.statements(), replica.counted_loads()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_two_replicas_cost_one_load() {
    let things = Things::with("the one").await;
    let replicas = [things.replica().await, things.replica().await];

    let readers: Vec<_> = (0..2_000).map(|reader| replicas[reader % 2].reading(&[1])).collect();
    let read = join_all(readers.into_iter().map(Reading::one)).await;

    assert!(read.iter().all(|read| body(read) == Some("the one")));
    assert_eq!(replicas.iter().map(CacheReplica::statements).sum::<usize>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_sockets_at_two_processes_cost_one_load() {
    let backend = patient_backend().await;
    let ada = backend.start().await.api().register("ada").await;
    let replicas = [Replica::start(backend.variables(&[])).await, Replica::start(backend.variables(&[])).await];
    let mut keeper = sqlx::PgConnection::connect(backend.database.url.as_str()).await.expect("postgres answers");
    let mut held = keeper.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.expect("the table is free");

    let asked = (0..500).map(|reader| ask(replicas[reader % 2].public, &ada.id));
    let sockets = join_all(asked).await;
    let pool = backend.database.pool().await;
    eventually("the load waits for the table", async || {
        let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
                       WHERE datname = current_database() AND locktype = 'relation' AND NOT granted";
        sqlx::query_scalar(waiting).fetch_one(&pool).await.is_ok_and(|waiting: i64| waiting > 0)
    })
    .await;
    held.rollback().await.expect("it ends");
    let answers = join_all(sockets.into_iter().map(answer)).await;

    let served = |answer: &&String| answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""username":"ada""#);
    assert_eq!(answers.iter().filter(served).count(), 500);
    let mut loads = 0.0;
    for replica in &replicas {
        loads += metric(replica.admin, "cache_loads_total", &[r#"entity="user""#]).await;
    }
    assert!((loads - 1.0).abs() < f64::EPSILON, "{loads} loads");
}

/// Sends a request; the answer is to be read.
async fn ask(replica: SocketAddr, user: &str) -> TcpStream {
    let mut socket = TcpStream::connect(replica).await.expect("it listens");
    let request = format!("GET /users/{user} HTTP/1.1\r\nHost: {replica}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("it is read");
    socket
}

async fn answer(mut socket: TcpStream) -> String {
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    answer
}
