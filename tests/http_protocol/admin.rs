//! Metrics and health.

use std::sync::Arc;

use aside::{
    http::{admin, readiness::Readiness},
    telemetry::metrics::{HttpLabels, Metrics},
};
use aside_runtime::shutdown::Shutdown;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use tower::ServiceExt;

async fn ask(router: &Router, path: &str) -> (StatusCode, String, String) {
    ask_for(router, path, "*/*").await
}

async fn ask_for(router: &Router, path: &str, accept: &str) -> (StatusCode, String, String) {
    let request = Request::get(path).header(header::HOST, "admin").header(header::ACCEPT, accept);
    let request = request.body(Body::empty()).expect("a request");
    let response = router.clone().oneshot(request).await.expect("no error");
    let (parts, body) = response.into_parts();
    let content_type = parts.headers[header::CONTENT_TYPE].to_str().expect("ASCII").to_owned();
    let text = String::from_utf8(to_bytes(body, usize::MAX).await.expect("a body").into()).expect("text");
    (parts.status, content_type, text)
}

#[tokio::test]
async fn readiness_follows_migrations_and_shutdown_and_names_missing_dependencies() {
    let shutdown = Shutdown::new();
    let readiness = Readiness::new(shutdown.clone(), Arc::new(|| Box::pin(async { vec!["redis"] })));
    let router = admin::router(Arc::new(Metrics::new()), readiness.clone());

    let (before, content_type, _) = ask(&router, "/readyz").await;
    readiness.set_migrated();
    let (migrated, _, state) = ask(&router, "/readyz").await;
    shutdown.announce();
    let (stopping, _, _) = ask(&router, "/readyz").await;
    let (alive, _, _) = ask(&router, "/livez").await;

    assert_eq!((before, content_type.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "application/problem+json"));
    assert_eq!((migrated, state.as_str()), (StatusCode::OK, r#"{"status":"degraded","missing":["redis"]}"#));
    assert_eq!((stopping, alive), (StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK));
}

#[tokio::test]
async fn metrics_have_the_requested_format_and_other_paths_are_problems() {
    let readiness = Readiness::new(Shutdown::new(), Arc::new(|| Box::pin(async { Vec::new() })));
    let metrics = Metrics::new();
    metrics.http_requests.get_or_create(&HttpLabels { method: "GET", route: "/".into(), status: 200 }).inc();
    let router = admin::router(Arc::new(metrics), readiness);
    let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

    let (scraped, open_metrics, of_prometheus) = ask_for(&router, "/metrics", prometheus).await;
    let (shown, plain, of_browser) = ask_for(&router, "/metrics", "text/html,*/*;q=0.8").await;
    let (nothing, problem, _) = ask(&router, "/users").await;

    assert_eq!((scraped, shown), (StatusCode::OK, StatusCode::OK));
    assert_eq!(open_metrics, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(of_prometheus.contains("# TYPE http_requests counter\n") && of_prometheus.ends_with("# EOF\n"));
    assert_eq!(plain, "text/plain; version=0.0.4; charset=utf-8");
    assert!(of_browser.contains("# TYPE http_requests_total counter\n") && !of_browser.contains("# EOF"));
    assert_eq!((nothing, problem.as_str()), (StatusCode::NOT_FOUND, "application/problem+json"));
}
