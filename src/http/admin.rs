//! The admin server's routes: metrics and health. Never public: no limiter, no authentication.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    middleware::{head, panics, problems, security_headers},
    problem::{Problem, ProblemDocument, ProblemKind},
    readiness::{Readiness, SCHEMA},
};
use crate::telemetry::{exposition::Exposition, metrics::Metrics};

/// `/metrics`, `/livez`, `/readyz`.
pub fn router(metrics: Arc<Metrics>, readiness: Readiness) -> Router {
    let layers = ServiceBuilder::new().layer(from_fn(wrap)).layer(CatchPanicLayer::custom(panics::answer));
    Router::new()
        .route("/metrics", get(get_metrics).with_state(metrics))
        .route("/livez", get(get_liveness))
        .route("/readyz", get(get_readiness).with_state(readiness))
        .layer(layers)
}

async fn wrap(request: Request, next: Next) -> Response {
    let is_options = problems::is_options(&request);
    let response = match head::answer(&request) {
        Some(answer) => answer,
        None => next.run(request).await,
    };
    let mut response = problems::complete(is_options, response);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    security_headers::add(&mut response);
    response
}

async fn get_metrics(State(metrics): State<Arc<Metrics>>, headers: HeaderMap) -> impl IntoResponse {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let exposition = Exposition::choose(&accept.collect::<Vec<_>>());
    let fields = [(header::CONTENT_TYPE, exposition.content_type()), (header::VARY, "accept")];
    (fields, exposition.write(metrics.encode()))
}

/// The health of this replica.
#[derive(Serialize)]
struct HealthResponse {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Vec<&'static str>>,
}

/// Depends on nothing outside of the process: a restart would not repair that.
async fn get_liveness() -> Json<HealthResponse> {
    Json(HealthResponse { status: "ok", missing: None })
}

async fn get_readiness(State(readiness): State<Readiness>) -> Response {
    if !readiness.is_ready() {
        let detail = "Not migrated yet, or about to stop.";
        return Problem::new(ProblemKind::Unavailable).with_detail(detail).into_response();
    }
    let missing = readiness.missing().await;
    if missing.contains(&SCHEMA) {
        return answer_without_schema(missing);
    }
    let status = if missing.is_empty() { "ok" } else { "degraded" };
    Json(HealthResponse { status, missing: Some(missing) }).into_response()
}

/// Why a replica without a usable schema is not ready.
#[derive(Serialize)]
struct NotReadyDocument {
    #[serde(flatten)]
    problem: ProblemDocument,
    missing: Vec<&'static str>,
}

fn answer_without_schema(missing: Vec<&'static str>) -> Response {
    let detail = "The tables are not there as this version needs them, or not for this role.";
    let problem = || Problem::new(ProblemKind::Unavailable).with_detail(detail);
    let document = NotReadyDocument { problem: problem().into(), missing };
    let mut response = problem().into_response();
    *response.body_mut() = serde_json::to_vec(&document).expect("strings and numbers always make JSON").into();
    response
}
