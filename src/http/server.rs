//! The accept loop, and the life of each connection.
//!
//! Our own loop over hyper's HTTP/1 connection, since `axum::serve` has no time-out for heads: silent, half-sent and idle
//! connections would stay for ever, and one of them would hold up a graceful shutdown for ever.
//!
//! | what | its bound |
//! |---|---|
//! | a connection that sends nothing, before its first request or between two | `keep_alive_timeout`, see `io` |
//! | half a head, a trickled head | `header_timeout` from its first byte, see `io` |
//! | a client that does not take its answer | `write_timeout`, see `io` |
//! | open connections | `max_connections`; more wait in the kernel's backlog, unaccepted |
//! | an announced shutdown | none: everything is served, and each answer closes its connection |
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

/// hyper's own limit for a head, above ours (see `middleware::head`), so that our answer is the one that clients get. What
/// is beyond it gets hyper's answer, which `io::parser_errors` turns into the same problem document.
const HYPER_MAX_HEAD_BYTES: usize = 64 * 1024;

/// Serves until `shutdown` starts, then until no request is under way any more, at most for `shutdown_timeout`.
///
/// # Cancel safety
///
/// Dropping the future is the hard end: the listener and all connections are closed at once, whatever they do.
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
            // Finished tasks are taken out as they end, or they would pile up.
            Some(_) = tasks.join_next() => {}
            accepted = acceptor.accept() => {
                tasks.spawn(connections.clone().run(accepted));
            }
        }
    }

    drop(acceptor);
    drain(tasks, config.shutdown_timeout).await;
}

/// What every answer says beside its route's own words.
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
        // It would start when a head is awaited, not with its first byte: `io` has the time-outs.
        .header_read_timeout(None)
        // A client may close its end after the request and still read the answer.
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
    /// Whose `X-Forwarded-For` and `Forwarded` are believed.
    trusted_proxies: Arc<[IpNet]>,
    shutdown: Shutdown,
}

impl Connections {
    /// One connection, from accepted to closed. The slot is free again when this is over, however it ends.
    async fn run(self, Accepted { socket, peer, slot: _slot }: Accepted) {
        // Answers are written in one piece: waiting for more to send would only delay them.
        let socket = match socket.set_nodelay(true).and_then(|()| TcpStream::from_std(socket)) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::debug!(%error, "the connection is gone already");
                return;
            }
        };
        // A clone for each connection and not for each request: what clones share, all connections of all cores would write to.
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
