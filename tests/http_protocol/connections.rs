//! Connections that are silent, slow or idle, that do not read, or that use HTTP/1.0.

use std::time::Duration;

use tokio::{
    net::TcpStream,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    client::soon,
    logs,
    service::{Service, head},
};

const SHORT: Duration = Duration::from_millis(200);

async fn with_short_header_timeout() -> Service {
    Service::with(|config| config.header_timeout = SHORT).await
}

async fn with_short_idle_timeout() -> Service {
    Service::with(|config| config.keep_alive_timeout = SHORT).await
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let service = with_short_idle_timeout().await;

    let mut client = service.connect().await;

    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_half_sent_head_is_closed() {
    let service = with_short_header_timeout().await;
    let mut client = service.connect().await;

    client.send("GET / HTTP/1.1\r\nHost: as").await;

    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_slow_head_is_closed() {
    let service = with_short_header_timeout().await;
    let mut client = service.connect().await;
    let mut beat = interval(SHORT / 20);

    client.send("GET / HTTP/1.1\r\nHost: aside\r\nX-Slow: ").await;
    let trickle = async {
        loop {
            beat.tick().await;
            if client.try_send("x").await.is_err() {
                break;
            }
        }
    };

    soon(trickle).await;
}

#[tokio::test]
async fn a_connection_that_is_idle_after_a_response_is_closed() {
    let service = with_short_idle_timeout().await;
    let mut client = service.connect().await;

    client.send(head("GET /", &[])).await;
    let answer = client.answer().await;

    assert_eq!(answer.text(), "hello");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_post_after_a_pause_longer_than_the_header_timeout_is_answered() {
    let service = with_short_header_timeout().await;
    let mut clients = Vec::new();
    for is_new in [true, false].repeat(10) {
        let mut client = service.connect().await;
        if !is_new {
            client.send(head("GET /", &[])).await;
            client.answer().await;
        }
        clients.push(client);
    }

    sleep(3 * SHORT).await;

    for mut client in clients {
        let body = r#"{"name":"x"}"#;
        let fields = ["Content-Type: application/json", &format!("Content-Length: {}", body.len())];
        client.send(head("POST /echo", &fields) + body).await;
        assert_eq!(client.answer().await.status, 200);
    }
}

#[tokio::test]
async fn a_pipelined_head_has_the_header_timeout_too() {
    let service = with_short_header_timeout().await;
    let mut client = service.connect().await;

    client.send([&head("GET /", &[]), "GET / HTTP/1.1\r\nHost: as"].concat()).await;

    assert_eq!(client.answer().await.text(), "hello");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_client_that_never_reads_loses_its_connection() {
    let service = Service::with(|config| {
        config.max_connections = 1;
        config.write_timeout = SHORT;
    })
    .await;
    let mut greedy = service.connect().await;
    greedy.send(head("GET /huge", &[])).await;

    // There is one slot: a response means that the other connection has ended.
    let answer = service.ask("GET /", &[]).await;

    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_client_that_reads_slowly_loses_its_connection() {
    let service = Service::with(|config| {
        config.max_connections = 1;
        config.write_timeout = SHORT;
    })
    .await;
    let mut greedy = service.connect().await;
    greedy.send(head("GET /huge", &[])).await;
    let mut beat = interval(SHORT / 20);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let trickle = async {
        loop {
            beat.tick().await;
            // Enough for window updates of the kernel to reach the server.
            let _closed_or_not = greedy.read_some(256 * 1024).await;
        }
    };

    let answer = tokio::select! {
        answer = service.ask("GET /", &[]) => answer,
        () = trickle => unreachable!("it trickles for ever"),
    };

    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_slot() {
    let service = Service::with(|config| config.max_connections = 1).await;
    let mut first = service.connect().await;
    first.send(head("GET /", &[])).await;
    first.answer().await;

    // The kernel accepts the connection, and its request is sent before the next ones of the first connection.
    let mut second = service.connect().await;
    second.send(head("GET /list?limit=3", &[])).await;
    for _ in 0..20 {
        first.send(head("GET /", &[])).await;
        first.answer().await;
    }
    let served_early = service.metrics.encode().contains("/list");
    drop(first);

    assert_eq!(second.answer().await.json()["limit"], 3);
    assert!(!served_early);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let service = Service::start().await;
    let mut client = service.connect().await;

    let requests = [head("GET /", &[]), head("GET /list?limit=3", &[]), head("GET /nothing", &[])].concat();
    client.send(requests).await;

    assert_eq!(client.answer().await.text(), "hello");
    assert_eq!(client.answer().await.json()["limit"], 3);
    client.answer().await.assert_problem(404, "unknown-path");
}

#[tokio::test]
async fn pipelined_requests_with_bodies_of_every_kind_are_answered() {
    let service = Service::start().await;
    let mut client = service.connect().await;
    let json = "Content-Type: application/json";
    let sized = head("POST /echo", &[json, "Content-Length: 12"]) + r#"{"name":"x"}"#;
    let chunked = head("POST /echo", &[json, "Transfer-Encoding: chunked"])
        + "5;e=1\r\n{\"nam\r\n7\r\ne\":\"y\"}\r\n0\r\nContent-Length: 3\r\n\r\n";
    // A body that looks like an ambiguous head.
    let text = "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let other = head("POST /sessions", &[&format!("Content-Length: {}", text.len())]) + text;

    client.send([sized.as_str(), &other, &chunked, "\r\n", &head("GET /", &[])].concat()).await;

    assert_eq!(client.answer().await.json()["name"], "x");
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.answer().await.json()["name"], "y");
    assert_eq!(client.answer().await.text(), "hello");
}

#[tokio::test]
async fn a_client_may_close_its_end_and_still_read_the_response() {
    let service = Service::start().await;
    let mut client = service.connect().await;

    client.send(head("GET /wait", &[])).await;
    client.half_close().await;
    soon(service.arrived.notified()).await;
    service.go.notify_one();

    assert_eq!(client.answer().await.text(), "waited");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn http_1_0_needs_no_host_and_closes_without_keep_alive() {
    let service = Service::start().await;

    let mut plain = service.connect().await;
    plain.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = plain.answer().await;
    assert_eq!((answer.status, answer.version.as_str(), answer.text()), (200, "HTTP/1.0", "hello"));
    assert!(plain.is_closed().await);

    let mut staying = service.connect().await;
    for _ in 0..2 {
        staying.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert_eq!(staying.answer().await.text(), "hello");
    }
}

/// The process has too few descriptors for its connections, and recovers. Runs as a child of the next test.
#[tokio::test]
#[ignore = "needs a process of its own with few descriptors"]
async fn child_runs_out_of_descriptors() {
    logs::start();
    let service = Service::start().await;
    let last = std::fs::File::open("/dev/null").expect("a descriptor");
    let mut clients = Vec::new();
    while let Ok(client) = TcpStream::connect(service.address).await {
        clients.push(client);
    }
    // The kernel accepts this one with the last descriptor; the server has none left.
    drop(last);
    let waiting = std::net::TcpStream::connect(service.address).expect("a last descriptor");
    let refused = async {
        while logs::lines_with("cannot accept connections").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    soon(refused).await;
    // The server tries again, and logs it once.
    sleep(3 * SHORT).await;
    drop((clients, waiting));

    let answer = soon(service.ask("GET /", &[])).await;

    assert_eq!(answer.status, 200);
    assert_eq!(logs::lines_with("cannot accept connections").len(), 1);
}

#[test]
fn running_out_of_descriptors_does_not_end_the_server() {
    let this = std::env::current_exe().expect("the path of the tests");
    let script = "ulimit -n 40 && exec \"$0\" --ignored --exact connections::child_runs_out_of_descriptors";

    let child = std::process::Command::new("sh").args(["-c", script]).arg(this).output().expect("sh");

    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
}
