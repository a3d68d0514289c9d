//! The pool: what callers who go away and connections that go silent leave behind.
//!
//! sqlx 0.9.0 on its own loses acknowledged writes and, for ever, connections; these are the experiments that showed it.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    time::Duration,
};

use aside::postgres;
use aside_postgres::{Database, DatabaseError};
use futures::{StreamExt, poll, stream};
use sqlx::Executor;
use tokio::net::{TcpSocket, TcpStream};
use url::Url;

use super::{give_way, soon, until};
use crate::{
    application::Backend,
    proxy::{Proxy, Snare},
    test_database::TestDatabase,
};

const CONNECTIONS: u32 = 4;

/// A pool, as the application makes it, to the database behind the proxy.
struct Pooled {
    database: Database,
    proxy: Proxy,
    backend: Backend,
}

async fn behind_a_proxy(statement_timeout: &str) -> Pooled {
    let backend = Backend::create().await;
    let proxy = Proxy::start(&backend.database.url).await;
    let url = proxy.url(&backend.database.url);
    Pooled { database: pool(&backend, &url, CONNECTIONS, statement_timeout), proxy, backend }
}

fn pool(backend: &Backend, url: &Url, connections: u32, statement_timeout: &str) -> Database {
    let config = backend.config(&[
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_MAX_CONNECTIONS", &connections.to_string()),
        ("DATABASE_ACQUIRE_TIMEOUT", "10s"),
        ("DATABASE_STATEMENT_TIMEOUT", statement_timeout),
        ("DATABASE_TRANSACTION_TIMEOUT", "1m"),
        ("CACHE_FENCE", "5m"),
    ]);
    postgres::database(config.database)
}

/// Uses every connection that the pool may have, all at the same time.
async fn use_all_connections(database: &Database) -> Result<(), DatabaseError> {
    use_connections(database, CONNECTIONS).await
}

async fn use_connections(database: &Database, connections: u32) -> Result<(), DatabaseError> {
    let all_at_once = async {
        let mut held = Vec::new();
        for _ in 0..connections {
            held.push(database.pool().acquire().await?);
        }
        for connection in &mut held {
            connection.execute("SELECT 1").await?;
        }
        Ok(())
    };
    Box::pin(database.run(all_at_once)).await
}

async fn until_all_are_idle(database: &Database) {
    until(async || database.pool().num_idle() == CONNECTIONS as usize).await;
}

async fn asleep(database: &TestDatabase) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
    )
    .fetch_one(&database.pool().await)
    .await
    .expect("the test's database answers")
}

async fn go_away_inside_begin_then_insert(database: Database, round: i32) -> Result<i32, sqlx::Error> {
    tokio::select! {
        biased;
        _begun = database.begin(&[], None) => {}
        () = give_way(rand::random_range(0..100)) => {}
    }
    sqlx::query("INSERT INTO written VALUES ($1)").bind(round).execute(database.pool()).await?;
    Ok(round)
}

#[tokio::test]
async fn no_acknowledged_write_is_lost_to_callers_who_went_away_inside_begin() {
    const ROUNDS: i32 = 2_000;
    const WORKERS: usize = 8;
    let backend = Backend::create().await;
    let database = postgres::database(backend.config(&[]).database);
    let outside = backend.database.pool().await;
    outside.execute("CREATE TABLE written (round int PRIMARY KEY)").await.expect("a table");

    // As many rounds at a time as there are connections: no round is spent on waiting for one.
    let acknowledged: HashSet<i32> = stream::iter(0..ROUNDS)
        .map(|round| tokio::spawn(go_away_inside_begin_then_insert(database.clone(), round)))
        .buffer_unordered(WORKERS)
        .filter_map(async |inserted| inserted.expect("no round panics").ok())
        .collect()
        .await;
    database.close().await;

    let found: Vec<i32> = sqlx::query_scalar("SELECT round FROM written").fetch_all(&outside).await.expect("rows");
    let lost = acknowledged.difference(&found.into_iter().collect()).count();
    assert!(acknowledged.len() > 1_000, "only {} rounds wrote anything", acknowledged.len());
    assert_eq!(lost, 0, "of {} acknowledged writes", acknowledged.len());
}

#[tokio::test]
async fn busy_connections_that_go_silent_leave_the_pool() {
    let Pooled { database, proxy, backend } = behind_a_proxy("1m").await;
    let busy: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let pool = database.pool().clone();
            tokio::spawn(async move { pool.execute("SELECT pg_sleep(600)").await })
        })
        .collect();
    until(async || asleep(&backend.database).await == i64::from(CONNECTIONS)).await;

    proxy.silence();
    busy.iter().for_each(tokio::task::JoinHandle::abort);

    soon(Box::pin(use_all_connections(&database))).await.expect("the pool has made new connections");
}

#[tokio::test]
async fn idle_connections_that_go_silent_leave_the_pool() {
    let Pooled { database, proxy, backend: _backend } = behind_a_proxy("1s").await;
    use_all_connections(&database).await.expect("the way is open");
    until_all_are_idle(&database).await;

    proxy.silence();

    // The first users of silent connections may fail, each within its deadline, but they take them out of the pool.
    until(async || Box::pin(use_all_connections(&database)).await.is_ok()).await;
}

/// More than the second after which a connection is asked for a sign of life; any longer would do.
const LONG: Duration = Duration::from_millis(1_100);

#[tokio::test]
async fn one_silent_connection_spares_a_request_the_check_of_all_others() {
    /// To check them one after the other would take 15 s, the half of a second each; a connection is waited for 10 s.
    const SILENT: u32 = 30;
    let backend = Backend::create().await;
    let proxy = Proxy::start(&backend.database.url).await;
    let database = pool(&backend, &proxy.url(&backend.database.url), SILENT, "1m");
    Box::pin(use_connections(&database, SILENT)).await.expect("the way is open");
    until(async || database.pool().num_idle() == SILENT as usize).await;

    proxy.silence();
    tokio::time::sleep(LONG).await;

    soon(Box::pin(use_connections(&database, 1))).await.expect("the pool has made a new connection");
}

#[tokio::test]
async fn connections_that_went_silent_while_nobody_used_them_for_long_fail_nobody() {
    let Pooled { database, proxy, backend: _backend } = behind_a_proxy("1m").await;
    use_all_connections(&database).await.expect("the way is open");
    until_all_are_idle(&database).await;

    proxy.silence();
    tokio::time::sleep(LONG).await;

    soon(Box::pin(use_all_connections(&database))).await.expect("the pool has made new connections");
}

#[tokio::test]
async fn connections_that_go_silent_while_they_are_cleaned_leave_the_pool() {
    let Pooled { database, proxy, backend: _backend } = behind_a_proxy("1m").await;
    proxy.lay(Some(Snare::Request("ROLLBACK")));
    use_all_connections(&database).await.expect("the way is open");
    soon(proxy.until_caught(CONNECTIONS as usize)).await;

    proxy.lay(None);

    soon(Box::pin(use_all_connections(&database))).await.expect("the pool has made new connections");
}

#[tokio::test]
async fn whoever_needs_a_connection_waits_for_a_server_that_is_not_up_yet() {
    let backend = Backend::create().await;
    // A port that is somebody's, who does not listen yet, refuses connections.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port is free");
    let address = socket.local_addr().expect("it is bound");
    let mut url = backend.database.url.clone();
    url.set_host(Some("127.0.0.1")).expect("a host is valid");
    url.set_port(Some(address.port())).expect("a port is valid");
    let database = pool(&backend, &url, CONNECTIONS, "1m");
    let mut using = pin!(use_all_connections(&database));
    for _ in 0..10 {
        assert!(poll!(&mut using).is_pending(), "it does not wait");
        TcpStream::connect(address).await.expect_err("nobody listens");
    }

    let _proxy = Proxy::on(socket.listen(16).expect("it can listen"), &backend.database.url);

    soon(using).await.expect("the pool has made connections");
}
