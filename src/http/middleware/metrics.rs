//! The metrics of requests.

use std::{sync::Arc, time::Duration};

use http::{Method, StatusCode};

use crate::telemetry::metrics::{HttpLabels, Metrics, ObserveDuration};

/// A request as metrics know it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) route: Arc<str>,
}

impl Request {
    /// Counts it, once it is answered.
    pub(super) fn count(self, metrics: &Metrics, status: StatusCode, duration: Duration) {
        let labels = HttpLabels { method: self.method, route: self.route, status: status.as_u16() };
        metrics.http_requests.get_or_create(&labels).inc();
        metrics.http_request_duration.get_or_create(&labels).observe_duration(duration);
    }
}

/// Methods that clients make up must not make up labels.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}
