//! The accept loop, and the life of each connection.
//!
//! The loop uses hyper's HTTP/1 connection directly: `axum::serve` has no time-out for heads, so one silent or half-sent
//! request would keep its connection, and a graceful shutdown, waiting without end.
//!
//! | subject | bound |
//! |---|---|
//! | a connection that sends nothing, before its first request or between two | `keep_alive_timeout`, see `io` |
//! | half a head, a trickled head | `header_timeout` from its first byte, see `io` |
//! | a client that does not read its response | `write_timeout`, see `io` |
//! | open connections | `max_connections`; more wait in the kernel's backlog, unaccepted |
//! | an announced shutdown | none: requests are served, and each response closes its connection |
//! | a started shutdown | idle connections end at once, requests under way have `shutdown_timeout` |

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use aside_runtime::shutdown::Shutdown;
use axum::{Router, extract::Request, response::Response};
use futures::TryFutureExt;
use http::{HeaderValue, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tower::Service;

use super::{
    accept::{Accepted, Acceptor},
    extract::ClientAddress,
    io::{ClientStream, ReadTimeouts},
    middleware::allow,
};
use crate::config::HttpConfig;

/// hyper's limit for a head. It is above the limit of `middleware::head`, so that clients get the problem document of that one.
/// `io::parser_errors` replaces hyper's response to a longer head.
const HYPER_MAX_HEAD_BYTES: usize = 64 * 1024;

/// Serves until `shutdown` starts, then until no request is under way any more, at most for `shutdown_timeout`.
///
/// # Cancel safety
///
/// Dropping the future closes the listener and all connections at once.
pub async fn serve(listener: TcpListener, router: Router, config: &HttpConfig, shutdown: &Shutdown) {
    let connections = Connections {
        http: http1_builder(),
        router,
        read_timeouts: ReadTimeouts { idle: config.keep_alive_timeout, head: config.header_timeout },
        write_timeout: config.write_timeout,
        trusted_proxies: config.trusted_proxies.as_slice().into(),
        shutdown: shutdown.clone(),
    };
    let mut acceptor = Acceptor::new(listener, config.max_connections);
    let mut tasks = JoinSet::new();

    loop {
        tokio::select! {
            biased;
            () = shutdown.started() => break,
            // Removes finished tasks.
            Some(_) = tasks.join_next() => {}
            accepted = acceptor.accept() => {
                tasks.spawn(connections.clone().run(accepted));
            }
        }
    }

    drop(acceptor);
    drain(tasks, config.shutdown_timeout).await;
}

/// The header fields that every response gets.
fn complete(answer: Response, shutdown: &Shutdown) -> Response {
    let mut answer = allow::complete(answer);
    if shutdown.is_announced() {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

async fn drain(mut tasks: JoinSet<()>, limit: Duration) {
    let started = Instant::now();
    let all = async { while tasks.join_next().await.is_some() {} };
    if timeout(limit, all).await.is_err() {
        tracing::warn!(connections = tasks.len(), "ended connections that did not finish in time");
    }
    tracing::debug!(waited = ?started.elapsed(), "no connection is left");
}

fn http1_builder() -> http1::Builder {
    let mut http = http1::Builder::new();
    http
        // hyper's clock starts before the first byte of a head: `io` has the time-outs.
        .header_read_timeout(None)
        // A client may close its end after the request and still read the response.
        .half_close(true)
        .max_buf_size(HYPER_MAX_HEAD_BYTES);
    http
}

/// What all connections have in common.
#[derive(Clone)]
struct Connections {
    http: http1::Builder,
    router: Router,
    read_timeouts: ReadTimeouts,
    write_timeout: Duration,
    /// The proxies whose `X-Forwarded-For` and `Forwarded` are believed.
    trusted_proxies: Arc<[IpNet]>,
    shutdown: Shutdown,
}

impl Connections {
    /// One connection, from accepted to closed. Its slot is free when the future ends or is dropped.
    async fn run(self, Accepted { socket, peer, slot: _slot }: Accepted) {
        // Responses are written in one piece: Nagle's algorithm would only delay them.
        let socket = match socket.set_nodelay(true).and_then(|()| TcpStream::from_std(socket)) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::debug!(%error, "the connection is gone already");
                return;
            }
        };
        // One clone for each connection, not for each request: all cores would contend for the shared reference counts.
        let (router, trusted_proxies) = (RefCell::new(self.router), self.trusted_proxies);
        let shutdown = self.shutdown.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let client = ClientAddress::find(peer.ip(), request.headers(), &trusted_proxies);
            request.extensions_mut().insert(client);
            // Routers are always ready.
            let shutdown = shutdown.clone();
            router.borrow_mut().call(request).map_ok(move |answer| complete(answer, &shutdown))
        });
        let io = TokioIo::new(ClientStream::new(socket, self.read_timeouts, self.write_timeout));
        let mut connection = std::pin::pin!(self.http.serve_connection(io, service));

        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.started() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended early");
        }
    }
}
