//! The limiter over two processes of the real binary: random arrivals, held against both halves of the promise.
//!
//! From outside, a decision lies somewhere between the moment a request is sent and the moment it is answered. So only what
//! is certain counts: too many admissions that lie wholly within a window, and a refusal although, at most, too few
//! admissions can have been in the window.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::task::JoinSet;

use crate::{api::Api, application::Backend, replica::Replica};

const QUOTA: usize = 12;
const WINDOW: Duration = Duration::from_secs(2);
/// A window and its sixtieth: who has no more than the quota in that time is refused by nobody.
const AT_MOST: Duration = Duration::from_micros(2_000_000 * 61 / 60);
const REQUESTS: usize = 600;
const CLIENTS: usize = 6;

/// One request, as its client saw it.
#[derive(Clone, Copy, Debug)]
struct Call {
    sent: Instant,
    answered: Instant,
    admitted: bool,
}

async fn arrive_at_random(replicas: [Api; 2]) -> Vec<Call> {
    let mut calls = Vec::new();
    for _ in 0..REQUESTS / CLIENTS {
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..120))).await;
        let sent = Instant::now();
        let status = replicas[rand::random_range(0..2)].get("/home").await.status();
        assert!(matches!(status, StatusCode::OK | StatusCode::TOO_MANY_REQUESTS), "{status}");
        calls.push(Call { sent, answered: Instant::now(), admitted: status == StatusCode::OK });
    }
    calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_two_processes_no_window_holds_more_than_the_quota_and_nobody_is_refused_wrongly() {
    let backend = Backend::create().await.with("RATE_LIMIT_ANONYMOUS", format!("{QUOTA}/{}s", WINDOW.as_secs()));
    let (one, other) = tokio::join!(Replica::start(backend.variables(&[])), Replica::start(backend.variables(&[])));
    let replicas = [one.api(), other.api()];

    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(arrive_at_random(replicas.clone()));
    }
    let calls = clients.join_all().await.concat();

    let (admitted, refused): (Vec<Call>, Vec<Call>) = calls.into_iter().partition(|call| call.admitted);
    assert!(admitted.len() > 2 * QUOTA && refused.len() > QUOTA, "both answers: {} {}", admitted.len(), refused.len());
    for first in &admitted {
        let end = first.sent + WINDOW;
        let certainly_within = admitted.iter().filter(|call| call.sent >= first.sent && call.answered < end).count();
        assert!(certainly_within <= QUOTA, "{certainly_within} admissions within a window");
    }
    for call in &refused {
        let possibly_counted = admitted
            .iter()
            .filter(|other| other.answered + AT_MOST >= call.sent && other.sent <= call.answered)
            .count();
        assert!(possibly_counted >= QUOTA, "refused with {possibly_counted} admissions in the window at most");
    }
}
