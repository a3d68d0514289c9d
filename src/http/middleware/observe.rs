//! One pass around everything, for those who watch: request id, span and log line, metrics, `Server-Timing`.
//!
//! One layer for four subjects (each in its file), since all of them need the same start, the same end and the same route.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

use super::{
    metrics,
    request_id::{RequestId, X_REQUEST_ID},
    server_timing, sign_in, trace,
};
use crate::telemetry::{metrics::Metrics, timings};

/// What routes are called in logs and metrics when none matched: paths that clients make up must not make up labels.
const UNMATCHED: &str = "unmatched";

pub(in crate::http) async fn observe(
    State(metrics): State<Arc<Metrics>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let route: Arc<str> = request.extensions().get().map_or(UNMATCHED, MatchedPath::as_str).into();
    let labels = metrics::Request { method: metrics::method_label(request.method()), route };
    let span = trace::span(&request, &id, &labels.route);
    let is_timed = !sign_in::is_sign_in(&request);
    request.extensions_mut().insert(id.clone());

    let (mut response, cache, db) = timings::scope(next.run(request)).instrument(span.clone()).await;

    let total = started.elapsed();
    span.in_scope(|| trace::log(&response, total));
    labels.count(&metrics, response.status(), total);
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.to_header());
    if is_timed {
        headers.insert(server_timing::SERVER_TIMING, server_timing::value(cache, db, total));
    }
    response
}
