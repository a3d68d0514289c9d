//! The span around a request and its one line at info. Never tokens, bodies, or query strings.

use std::time::Duration;

use axum::{extract::Request, response::Response};
use tracing::{Span, field::Empty};

use super::request_id::RequestId;
use crate::http::{extract::ClientAddress, problem::Cause};

/// Paths in log lines are cut here: ours are short, and a client may send 8 KiB.
const MAX_PATH_CHARS: usize = 128;

/// Everything logged while the request is handled carries these. Authentication records `user_id`.
pub(super) fn span(request: &Request, id: &RequestId, route: &str) -> Span {
    let path = request.uri().path();
    let path = path.char_indices().nth(MAX_PATH_CHARS).map_or(path, |(end, _)| &path[..end]);
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = %request.method(),
        route,
        path,
        client = Empty,
        user_id = Empty,
    );
    if let Some(client) = request.extensions().get::<ClientAddress>() {
        span.record("client", tracing::field::display(client.ip()));
    }
    span
}

/// The line, and before it the reason of an error: the only place where a cause is logged.
pub(super) fn log(response: &Response, duration: Duration) {
    let status = response.status();
    if let Some(cause) = response.extensions().get::<Cause>() {
        if status.is_server_error() {
            tracing::error!(error = %cause, "failed");
        } else {
            tracing::debug!(error = %cause, "refused");
        }
    }
    let duration_ms = duration.as_secs_f64() * 1e3;
    tracing::info!(status = status.as_u16(), duration_ms, "answered");
}
