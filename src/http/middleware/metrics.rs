//! The metrics of requests. A route looks up its series once for each method and status.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use aside_runtime::metrics::ObserveDuration;
use axum::extract::{MatchedPath, Request};
use http::{Method, StatusCode};
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};

use crate::telemetry::metrics::{HttpLabels, Metrics};

/// The route of requests that matched none, in logs and metrics: clients must not create labels by their paths.
const UNMATCHED: &str = "unmatched";

/// The series of one route.
#[derive(Debug, Default)]
pub(in crate::http) struct RouteMetrics {
    name: OnceLock<Arc<str>>,
    /// Few: searched from the first one on.
    series: ArcSwap<Vec<Series>>,
}

#[derive(Clone, Debug)]
struct Series {
    labels: HttpLabels,
    requests: Counter,
    duration: Histogram,
}

impl RouteMetrics {
    /// The name of the route. It is the same for every request.
    pub(super) fn name(&self, request: &Request) -> &Arc<str> {
        self.name.get_or_init(|| request.extensions().get().map_or(UNMATCHED, MatchedPath::as_str).into())
    }

    /// Counts a finished request.
    pub(super) fn count(
        &self,
        metrics: &Metrics,
        (method, route): (&'static str, &Arc<str>),
        status: StatusCode,
        duration: Duration,
    ) {
        let status = status.as_u16();
        let known = self.series.load();
        let is_it = |series: &&Series| series.labels.status == status && series.labels.method == method;
        if let Some(series) = known.iter().find(is_it) {
            series.requests.inc();
            series.duration.observe_duration(duration);
            return;
        }
        let labels = HttpLabels { method, route: Arc::clone(route), status };
        let requests = metrics.http_requests.get_or_create(&labels).clone();
        let histogram = metrics.http_request_duration.get_or_create(&labels).clone();
        requests.inc();
        histogram.observe_duration(duration);
        let series = Series { labels, requests, duration: histogram };
        self.series.rcu(|known| known.iter().cloned().chain([series.clone()]).collect::<Vec<_>>());
    }
}

/// The label of a method: clients must not create labels by their methods.
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
