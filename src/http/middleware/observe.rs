//! Observation of a request: request id, span and log line, metrics, `Server-Timing`.
//!
//! The four subjects, each in its file, share the start, the end and the route of the request.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{extract::Request, response::Response};
use tracing::Span;

use super::{
    metrics::{self, RouteMetrics},
    request_id::{RequestId, X_REQUEST_ID},
    server_timing, sign_in, trace,
};
use crate::telemetry::metrics::Metrics;

/// A request that is under way.
#[derive(Debug)]
pub(in crate::http) struct Observed<'a> {
    started: Instant,
    id: RequestId,
    method: &'static str,
    route: &'a Arc<str>,
    span: Span,
    is_timed: bool,
}

impl<'a> Observed<'a> {
    /// Starts the observation.
    pub(in crate::http) fn begin(request: &Request, of_route: &'a RouteMetrics) -> Self {
        let started = Instant::now();
        let id = RequestId::of(request.headers());
        let (method, route) = (metrics::method_label(request.method()), of_route.name(request));
        let span = trace::span(request, &id, route);
        Self { started, id, method, route, span, is_timed: !sign_in::is_sign_in(request) }
    }

    /// The start of the request.
    pub(in crate::http) fn started(&self) -> Instant {
        self.started
    }

    /// The span of the request.
    pub(in crate::http) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Ends the observation. The durations are the waits for Redis and for Postgres.
    pub(in crate::http) fn end(
        self,
        answer: &mut Response,
        (metrics, of_route): (&Metrics, &RouteMetrics),
        (cache, db): (Duration, Duration),
    ) {
        let total = self.started.elapsed();
        self.span.in_scope(|| trace::log(answer, total));
        of_route.count(metrics, (self.method, self.route), answer.status(), total);

        let headers = answer.headers_mut();
        headers.insert(X_REQUEST_ID, self.id.into_header());
        if self.is_timed {
            headers.insert(server_timing::SERVER_TIMING, server_timing::value(cache, db, total));
        }
    }
}
