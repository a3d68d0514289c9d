//! Replicas are replaced one by one, behind a load balancer, and clients notice nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::task::{JoinHandle, JoinSet};

use super::soon;
use crate::{api::Api, application::Backend, balancer::Balancer, replica::Replica};

const CLIENTS: usize = 4;

/// They leave the processors to the replicas that start.
const PAUSE: Duration = Duration::from_millis(5);

/// What became of the requests of one client.
#[derive(Default)]
struct Seen {
    created: i64,
    wrong: Vec<String>,
}

/// Reads and writes in turn until it is told to stop.
async fn use_it(balancer: Arc<Balancer>, token: Arc<str>, stop: Arc<AtomicBool>) -> Seen {
    let body = r#"{"body":"a post"}"#;
    let fields = format!("Host: aside\r\nAuthorization: Bearer {token}\r\n");
    let read = format!("GET /users/me HTTP/1.1\r\n{fields}\r\n");
    let json = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let write = format!("POST /posts HTTP/1.1\r\n{fields}{json}\r\n{body}");
    let mut seen = Seen::default();
    while !stop.load(Ordering::SeqCst) {
        for (request, expected) in [(&read, 200), (&write, 201)] {
            match balancer.ask(request).await {
                Ok(status) if status == expected => seen.created += i64::from(status == 201),
                other => seen.wrong.push(format!("{other:?}")),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    seen
}

#[tokio::test]
async fn a_rolling_restart_of_three_replicas_loses_no_request() {
    let backend = Backend::create().await.with("HTTP_DRAIN_DELAY", "3s");
    let (balancer, stop) = (Arc::new(Balancer::default()), Arc::new(AtomicBool::new(false)));
    let mut checks: Vec<JoinHandle<()>> = Vec::new();
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let replica = Replica::start(backend.variables(&[])).await;
        checks.push(balancer.add(&replica));
        replicas.push(replica);
    }
    let ada = Api::new(replicas[0].public).register("ada").await;
    let token: Arc<str> = ada.token.as_str().into();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(use_it(Arc::clone(&balancer), Arc::clone(&token), Arc::clone(&stop)));
    }

    for old in &mut replicas {
        old.signal(Signal::SIGTERM);
        assert!(soon(old.ended()).await, "the exit code is not 0");
        *old = Replica::start(backend.variables(&[])).await;
        checks.push(balancer.add(old));
    }
    stop.store(true, Ordering::SeqCst);
    let seen = soon(clients.join_all()).await;

    let wrong: Vec<_> = seen.iter().flat_map(|seen| &seen.wrong).collect();
    assert!(wrong.is_empty(), "{} lost: {wrong:?}", wrong.len());
    let posts: i64 = sqlx::query_scalar("SELECT count(*) FROM posts")
        .fetch_one(&backend.database.pool().await)
        .await
        .expect("the test's database answers");
    assert_eq!(posts, seen.iter().map(|seen| seen.created).sum::<i64>());
    // The last one has just been added.
    assert!(balancer.answered()[..5].iter().all(|&answered| answered > 0), "{:?}", balancer.answered());
    checks.iter().for_each(JoinHandle::abort);
}
