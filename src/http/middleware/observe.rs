//! One pass around everything, for those who watch: request id, span and log line, metrics, `Server-Timing`.
//!
//! One pass for four subjects (each in its file), since all of them need the same start, the same end and the same route.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use tracing::Span;

use super::{
    metrics,
    request_id::{RequestId, X_REQUEST_ID},
    server_timing, sign_in, trace,
};
use crate::telemetry::metrics::Metrics;

/// What routes are called in logs and metrics when none matched: paths that clients make up must not make up labels.
const UNMATCHED: &str = "unmatched";

/// A request that is under way.
#[derive(Debug)]
pub(in crate::http) struct Observed {
    started: Instant,
    id: RequestId,
    labels: metrics::Request,
    span: Span,
    is_timed: bool,
}

impl Observed {
    /// From here on it is watched.
    pub(in crate::http) fn begin(request: &mut Request) -> Self {
        let started = Instant::now();
        let id = RequestId::of(request.headers());
        let route: Arc<str> = request.extensions().get().map_or(UNMATCHED, MatchedPath::as_str).into();
        let labels = metrics::Request { method: metrics::method_label(request.method()), route };
        let span = trace::span(request, &id, &labels.route);
        Self { started, id, labels, span, is_timed: !sign_in::is_sign_in(request) }
    }

    /// What is to be entered while it is under way.
    pub(in crate::http) fn span(&self) -> Span {
        self.span.clone()
    }

    /// It is answered, and has spent so long waiting for Redis and for Postgres.
    pub(in crate::http) fn end(self, answer: &mut Response, metrics: &Metrics, cache: Duration, db: Duration) {
        let total = self.started.elapsed();
        self.span.in_scope(|| trace::log(answer, total));
        self.labels.count(metrics, answer.status(), total);

        let headers = answer.headers_mut();
        headers.insert(X_REQUEST_ID, self.id.into_header());
        if self.is_timed {
            headers.insert(server_timing::SERVER_TIMING, server_timing::value(cache, db, total));
        }
    }
}
