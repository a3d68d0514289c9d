//! Clients that hang up, thousands of them, at any moment of their requests.
//!
//! A caller who goes away cancels only the waiting. So a write that was begun is finished and its fences are lifted, and
//! nothing is left behind in the pool.

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
struct Acknowledged {
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
async fn send_and_perhaps_stay(address: SocketAddr, request: &[u8]) -> Option<Value> {
    let mut socket = TcpStream::connect(address).await.expect("the service listens");
    // Hanging up is a reset then, which cancels the request; otherwise the server may still think that somebody reads.
    socket.set_zero_linger().expect("a socket can be reset");
    match rand::random_range(0..6) {
        0 => {
            let sent = rand::random_range(0..request.len());
            socket.write_all(&request[..sent]).await.expect("the service reads");
            None
        }
        1..4 => {
            socket.write_all(request).await.expect("the service reads");
            give_way(rand::random_range(0..400)).await;
            None
        }
        _ => {
            socket.write_all(request).await.expect("the service reads");
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).await.expect("an answer");
            Some(acknowledgement(&answer))
        }
    }
}

fn acknowledgement(answer: &[u8]) -> Value {
    let answer = String::from_utf8_lossy(answer);
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    let (_head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    serde_json::from_str(body).expect("JSON")
}

async fn one_round(round: usize, address: SocketAddr, user: SignedIn, post: String, answers: Arc<Mutex<Acknowledged>>) {
    let text = format!("round {round}");
    let (method, path, body) = match round % 3 {
        0 => (Method::POST, "/posts".to_owned(), json!({ "body": text })),
        1 => (Method::PATCH, format!("/users/{}", user.id), json!({ "display_name": text })),
        _ => (Method::PATCH, format!("/posts/{post}"), json!({ "body": text })),
    };
    let Some(answer) = send_and_perhaps_stay(address, &request(&method, &path, &user.token, &body)).await else {
        return;
    };
    let mut answers = answers.lock().expect("nobody panics");
    match round % 3 {
        0 => answers.posts.push((answer["id"].as_str().expect("an id").to_owned(), text)),
        1 => answers.versions.push((user.id, answer["version"].as_i64().expect("a version"))),
        _ => {}
    }
}

async fn hang_up_again_and_again(here: &TestApplication, users: &[(SignedIn, String)]) -> Acknowledged {
    let answers = Arc::<Mutex<Acknowledged>>::default();
    stream::iter(0..ROUNDS)
        .for_each_concurrent(CLIENTS, async |round| {
            let (user, post) = users[round % users.len()].clone();
            one_round(round, here.public, user, post, Arc::clone(&answers)).await;
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

async fn assert_nothing_acknowledged_is_lost(outside: &PgPool, acknowledged: &Acknowledged) {
    for (id, text) in &acknowledged.posts {
        let stored: Option<String> = sqlx::query_scalar("SELECT body FROM posts WHERE id = $1::uuid")
            .bind(id)
            .fetch_optional(outside)
            .await
            .expect("the test's database answers");
        assert_eq!(stored.as_ref(), Some(text), "post {id}");
    }
    for (id, version) in &acknowledged.versions {
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
async fn clients_who_hang_up_lose_no_acknowledged_write_and_leave_nothing_behind() {
    // No fence runs out while this test looks: those that are gone were lifted.
    let backend = Backend::create().await.with("CACHE_FENCE", "30m");
    let here = backend.start().await;
    let outside = backend.database.pool().await;
    let mut users = Vec::new();
    for name in ["ada", "bob", "cleo", "dan", "eve"] {
        let user = here.api().register(name).await;
        let post = user.post("before").await;
        users.push((user, post));
    }

    let acknowledged = hang_up_again_and_again(&here, &users).await;
    until(async || busy_sessions(&outside).await == 0 && fences(&backend).await.is_empty()).await;

    assert!(acknowledged.posts.len() > 100 && acknowledged.versions.len() > 100, "too few clients stayed");
    assert_nothing_acknowledged_is_lost(&outside, &acknowledged).await;
    let writes = users.iter().map(|(user, _)| user.post("after"));
    assert_eq!(futures::future::join_all(writes).await.len(), users.len());
    assert_cache_equals_postgres(&outside, &here.api()).await;
}
