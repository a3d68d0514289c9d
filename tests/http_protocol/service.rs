//! The service under test: a router with a handler for each kind of response, and the server.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aside::{
    config::HttpConfig,
    domain::UserId,
    http::{
        cookie::SessionCookie,
        documentation::with_documentation,
        extract::{ClientAddress, Credentials, Json, PathId, Query},
        problem::{Problem, ProblemKind},
        routes, server,
    },
    telemetry::metrics::Metrics,
};
use aside_runtime::shutdown::Shutdown;
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use url::Url;
use utoipa_axum::router::OpenApiRouter;

use crate::client::Client;

/// More than the buffers between two sockets hold.
pub(crate) const HUGE: usize = 64 * 1024 * 1024;

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) metrics: Arc<Metrics>,
    /// `/wait` signals here that a request has arrived …
    pub(crate) arrived: Arc<Notify>,
    /// … and waits here before it answers.
    pub(crate) go: Arc<Notify>,
    pub(crate) server: JoinHandle<()>,
}

/// Long time-outs: a test shortens the one that it is about.
pub(crate) fn config() -> HttpConfig {
    let long = Duration::from_mins(5);
    HttpConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        admin: SocketAddr::from(([127, 0, 0, 1], 0)),
        public_url: Url::parse("http://127.0.0.1:8080").expect("a URL"),
        trusted_proxies: Vec::new(),
        cors_allowed_origins: Vec::new(),
        keep_alive_timeout: long,
        header_timeout: long,
        body_timeout: long,
        write_timeout: long,
        request_timeout: long,
        drain_delay: Duration::ZERO,
        shutdown_timeout: long,
        max_connections: 100,
        max_admin_connections: 100,
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut HttpConfig)) -> Self {
        let mut config = config();
        change(&mut config);
        let listener = TcpListener::bind(config.listen).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (shutdown, metrics) = (Shutdown::new(), Arc::new(Metrics::new()));
        let cookie = SessionCookie::for_url(&config.public_url);
        let documentation = with_documentation(OpenApiRouter::new(), &config.public_url);
        let routes = router(&arrived, &go, cookie).merge(documentation);
        let service = routes::with_layers(routes, &config, Arc::clone(&metrics));
        let server = tokio::spawn({
            let shutdown = shutdown.clone();
            async move {
                server::serve(listener, service, &config, &shutdown).await;
            }
        });
        Self { address, shutdown, metrics, arrived, go, server }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).await.expect("the server listens"))
    }

    /// One request on a connection of its own; `fields` are lines of the head.
    pub(crate) async fn ask(&self, request: &str, fields: &[&str]) -> crate::client::Answer {
        let mut client = self.connect().await;
        client.send(head(request, fields)).await;
        if request.starts_with("HEAD ") { client.answer_without_body().await } else { client.answer().await }
    }

    /// A POST of this JSON text to `/echo`.
    pub(crate) async fn post(&self, body: impl AsRef<[u8]>, content_type: &str) -> crate::client::Answer {
        let body = body.as_ref();
        let mut client = self.connect().await;
        let length = format!("Content-Length: {}", body.len());
        let content_type = format!("Content-Type: {content_type}");
        client.send([head("POST /echo", &[&length, &content_type]).as_bytes(), body].concat()).await;
        client.answer().await
    }
}

/// A head with a `Host`.
pub(crate) fn head(request: &str, fields: &[&str]) -> String {
    let fields: String = fields.iter().flat_map(|field| [field, "\r\n"]).collect();
    format!("{request} HTTP/1.1\r\nHost: aside\r\n{fields}\r\n")
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Echo {
    name: String,
    count: Option<u8>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u8>,
}

fn router(arrived: &Arc<Notify>, go: &Arc<Notify>, cookie: SessionCookie) -> Router {
    let (arrived, go) = (Arc::clone(arrived), Arc::clone(go));
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/tagged", get(tagged))
        .route("/huge", get(|| async { vec![b'x'; HUGE] }))
        .route("/echo", post(|Json(echo): Json<Echo>| async { axum::Json(echo) }).patch(|_: Json<Echo>| async {}))
        .route("/list", get(|Query(page): Query<Page>| async { axum::Json(page) }))
        .route("/things/{id}", get(|PathId(id): PathId<UserId>| async move { id.to_string() }).put(|| async {}))
        .route("/address", get(|client: ClientAddress| async move { client.ip().to_string() }))
        .route("/me", get(credentials).post(credentials))
        .route("/dead", get(dead_session))
        .route("/status/{status}", get(status_only))
        .route("/broken", get(|| async { Problem::internal("the password of the database is hunter2") }))
        .route("/panic", get(panics))
        .route("/never", get(std::future::pending::<()>))
        .route(
            "/wait",
            get(move || async move {
                arrived.notify_one();
                go.notified().await;
                "waited"
            }),
        )
        .route("/sessions", post(|| async { "t".repeat(10_000) }))
        .with_state(cookie)
}

/// 4,000 bytes under the tag "7".
async fn tagged(headers: HeaderMap) -> Response {
    let tag = [(header::ETAG, "\"7\"")];
    if headers.contains_key(header::IF_NONE_MATCH) {
        return (StatusCode::NOT_MODIFIED, tag).into_response();
    }
    (tag, "abcd".repeat(1_000)).into_response()
}

async fn credentials(State(cookie): State<SessionCookie>, headers: HeaderMap) -> Result<(), Problem> {
    match Credentials::find(&headers, cookie)? {
        Some(_) => Ok(()),
        None => Err(Problem::new(ProblemKind::NotSignedIn)),
    }
}

async fn dead_session() -> Problem {
    Problem::new(ProblemKind::InvalidToken)
}

async fn status_only(Path(status): Path<u16>) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, "text/plain")], Body::from("internal text")).into_response()
}

async fn panics() -> StatusCode {
    panic!("on purpose")
}
