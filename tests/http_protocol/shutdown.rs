//! Shutdown: announced, graceful, forced.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::{
    client::soon,
    service::{Service, head},
};

#[tokio::test]
async fn idle_connections_end_at_once_and_busy_ones_are_answered() {
    let service = Service::start().await;
    let mut silent = service.connect().await;
    let mut idle = service.connect().await;
    idle.send(head("GET /", &[])).await;
    idle.answer().await;
    let mut busy = service.connect().await;
    busy.send(head("GET /wait", &[])).await;
    soon(service.arrived.notified()).await;

    service.shutdown.start();
    let silent_is_closed = silent.is_closed().await;
    let idle_is_closed = idle.is_closed().await;
    service.go.notify_one();
    let answer = busy.answer().await;

    assert!(silent_is_closed && idle_is_closed);
    assert_eq!(answer.text(), "waited");
    assert_eq!(answer.header("connection"), Some("close"));
    soon(service.server).await.expect("the server ends");
    assert!(TcpStream::connect(service.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn an_announced_shutdown_serves_old_and_new_connections_and_closes_each_after_its_response() {
    let service = Service::start().await;
    let mut kept = service.connect().await;
    kept.send(head("GET /", &[])).await;
    let before = kept.answer().await;
    let mut busy = service.connect().await;
    busy.send(head("GET /wait", &[])).await;
    soon(service.arrived.notified()).await;

    service.shutdown.announce();
    service.go.notify_one();
    let mut new = service.connect().await;
    for client in [&mut kept, &mut new] {
        client.send(head("GET /nothing", &[])).await;
    }

    assert_eq!(before.header("connection"), None);
    assert_eq!(busy.answer().await.text(), "waited");
    for client in [&mut kept, &mut new] {
        let answer = client.answer().await;
        answer.assert_problem(404, "unknown-path");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed().await);
    }
    assert_eq!(service.ask("POST /sessions", &[]).await.header("connection"), Some("close"));
    service.shutdown.start();
    soon(service.server).await.expect("the server ends");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_ended() {
    let service = Service::with(|config| config.shutdown_timeout = Duration::from_millis(100)).await;
    let mut stuck = service.connect().await;
    stuck.send(head("GET /wait", &[])).await;
    soon(service.arrived.notified()).await;

    service.shutdown.start();

    soon(service.server).await.expect("the server ends");
    assert!(stuck.rest().await.unwrap_or_default().is_empty());
}

#[tokio::test]
async fn dropping_the_server_ends_everything_at_once() {
    let service = Service::start().await;
    let mut busy = service.connect().await;
    busy.send(head("GET /wait", &[])).await;
    soon(service.arrived.notified()).await;

    service.shutdown.start();
    service.server.abort();

    assert!(soon(service.server).await.is_err_and(|error| error.is_cancelled()));
    assert!(busy.rest().await.unwrap_or_default().is_empty());
}
