//! Cross-origin requests: exact origins, without credentials. A page of another origin may use the API with its own bearer
//! token, never with the visitor's cookie.

use axum::extract::Request;
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use super::{request_id::X_REQUEST_ID, server_timing::SERVER_TIMING};

/// How long a browser may cache the response to a preflight.
const PREFLIGHT_LIFETIME: std::time::Duration = std::time::Duration::from_hours(1);

/// Response fields that scripts may read, beside the safelisted ones.
const EXPOSED: [HeaderName; 9] = [
    header::ETAG,
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("cache-status"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    SERVER_TIMING,
    X_REQUEST_ID,
];

/// The layer for these origins; `None` without origins, so that no response has a CORS field.
pub(in crate::http) fn layer(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<_> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let fields = [header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, header::IF_NONE_MATCH, X_REQUEST_ID];
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(methods)
        .allow_headers(fields)
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_LIFETIME)
        .vary([header::ORIGIN]);
    Some(cors)
}

/// Whether the layer applies to this request. tower-http takes every `OPTIONS` for a preflight. One without
/// `Access-Control-Request-Method` asks for the methods of a resource, and bypasses the layer.
pub(in crate::http) fn concerns(request: &Request) -> bool {
    request.method() != Method::OPTIONS || request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
