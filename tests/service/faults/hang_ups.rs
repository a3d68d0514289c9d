//! Requests that nobody waits for any more, thousands of them, at any moment: clients hang up, deadlines cut off.
//!
//! A hang-up reaches a request while its body is awaited; later hyper does not look, since a client may close its end and
//! still read. A deadline drops the request wherever it is. Either cancels only the waiting: a write that was begun is
//! finished and its fences are lifted, and nothing is left behind in the pool.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, Row};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{fences, give_way, until};
use crate::{
    api::{Api, SignedIn},
    application::{Backend, TestApplication},
};

const ROUNDS: usize = 3_000;
const CLIENTS: usize = 24;

/// The answers that clients stayed for.
#[derive(Default)]
struct Answers {
    /// Requests that were cut off by their deadline.
    cut_off: usize,
    /// Posts that were made: id and body.
    posts: Vec<(String, String)>,
    /// Versions that users were changed to.
    versions: Vec<(String, i64)>,
}

fn request(method: &Method, path: &str, token: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: aside\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// Sends a request, all of it or a part, and hangs up or takes the answer: which one is left to chance.
async fn send_and_perhaps_stay(address: SocketAddr, request: &[u8]) -> Option<String> {
    let mut socket = TcpStream::connect(address).await.expect("the service listens");
    // Hanging up is a reset then.
    socket.set_zero_linger().expect("a socket can be reset");
    match rand::random_range(0..6) {
        0 => {
            let sent = rand::random_range(0..request.len());
            socket.write_all(&request[..sent]).await.expect("the service reads");
            None
        }
        1 => {
            socket.write_all(request).await.expect("the service reads");
            give_way(rand::random_range(0..400)).await;
            None
        }
        _ => {
            socket.write_all(request).await.expect("the service reads");
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.expect("an answer");
            Some(answer)
        }
    }
}

/// What is asked for in turn: three writes, and a read that is not cached.
async fn one_round(round: usize, address: SocketAddr, user: SignedIn, post: String, answers: Arc<Mutex<Answers>>) {
    let text = format!("round {round}");
    let (method, path, body) = match round % 4 {
        0 => (Method::POST, "/posts".to_owned(), json!({ "body": text })),
        1 => (Method::PATCH, format!("/users/{}", user.id), json!({ "display_name": text })),
        2 => (Method::PATCH, format!("/posts/{post}"), json!({ "body": text })),
        _ => (Method::GET, "/users".to_owned(), json!({})),
    };
    let Some(answer) = send_and_perhaps_stay(address, &request(&method, &path, &user.token, &body)).await else {
        return;
    };
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let mut answers = answers.lock().expect("nobody panics");
    if head.starts_with("HTTP/1.1 503 ") {
        answers.cut_off += 1;
        return;
    }
    assert!(head.starts_with("HTTP/1.1 20"), "{answer}");
    match round % 4 {
        0 => answers.posts.push((body["id"].as_str().expect("an id").to_owned(), text)),
        1 => answers.versions.push((user.id, body["version"].as_i64().expect("a version"))),
        _ => {}
    }
}

async fn send_all(replicas: [&TestApplication; 2], users: &[(SignedIn, String)]) -> Answers {
    let answers = Arc::<Mutex<Answers>>::default();
    stream::iter(0..ROUNDS)
        .for_each_concurrent(CLIENTS, async |round| {
            let (user, post) = users[round % users.len()].clone();
            let address = replicas[rand::random_range(0..replicas.len())].public;
            one_round(round, address, user, post, Arc::clone(&answers)).await;
        })
        .await;
    std::mem::take(&mut answers.lock().expect("nobody panics"))
}

/// Sessions of applications that are doing something, or wait for their client to go on.
async fn busy_sessions(outside: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'aside' AND state <> 'idle'",
    )
    .fetch_one(outside)
    .await
    .expect("the test's database answers")
}

async fn assert_nothing_acknowledged_is_lost(outside: &PgPool, answers: &Answers) {
    for (id, text) in &answers.posts {
        let stored: Option<String> = sqlx::query_scalar("SELECT body FROM posts WHERE id = $1::uuid")
            .bind(id)
            .fetch_optional(outside)
            .await
            .expect("the test's database answers");
        assert_eq!(stored.as_ref(), Some(text), "post {id}");
    }
    for (id, version) in &answers.versions {
        let stored: i64 = sqlx::query_scalar("SELECT version FROM users WHERE id = $1::uuid")
            .bind(id)
            .fetch_one(outside)
            .await
            .expect("the test's database answers");
        assert!(stored >= *version, "user {id} is at {stored} and was answered {version}");
    }
}

/// Every user and post, read through the cache until it is a hit, is what Postgres holds.
async fn assert_cache_equals_postgres(outside: &PgPool, api: &Api) {
    let rows = sqlx::query(
        "SELECT '/users/' || id AS path, display_name AS text, version FROM users
         UNION ALL SELECT '/posts/' || id, body, version FROM posts",
    );
    for row in rows.fetch_all(outside).await.expect("the test's database answers") {
        let path: String = row.get("path");
        for read in ["filling", "hitting"] {
            let answer = api.get(&path).await;
            let status = answer.headers()["cache-status"].to_str().expect("text").to_owned();
            let body: Value = answer.json().await.expect("JSON");
            let text = if path.starts_with("/users") { &body["display_name"] } else { &body["body"] };
            assert_eq!(*text, row.get::<String, _>("text"), "{read} {path}: {status}");
            assert_eq!(body["version"], row.get::<i64, _>("version"), "{read} {path}: {status}");
            assert!(read == "filling" || status.starts_with("aside; hit"), "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn requests_that_are_cut_off_lose_no_acknowledged_write_and_leave_nothing_behind() {
    // No fence runs out while this test looks: those that are gone were lifted.
    let backend = Backend::create().await.with("CACHE_FENCE", "30m");
    let (here, hasty) = (backend.start().await, backend.start_with(&[("HTTP_REQUEST_TIMEOUT", "4ms")]).await);
    let outside = backend.database.pool().await;
    let mut users = Vec::new();
    for name in ["ada", "bob", "cleo", "dan", "eve"] {
        let user = here.api().register(name).await;
        let post = user.post("before").await;
        users.push((user, post));
    }

    let answers = send_all([&here, &hasty], &users).await;
    until(async || busy_sessions(&outside).await == 0 && fences(&backend).await.is_empty()).await;

    assert!(answers.posts.len() > 100 && answers.versions.len() > 100, "too few clients stayed");
    assert!(answers.cut_off > 100, "only {} requests were cut off", answers.cut_off);
    assert_nothing_acknowledged_is_lost(&outside, &answers).await;
    let writes = users.iter().map(|(user, _)| user.post("after"));
    assert_eq!(futures::future::join_all(writes).await.len(), users.len());
    assert_cache_equals_postgres(&outside, &here.api()).await;
}
