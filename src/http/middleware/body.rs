//! Limits the body of every request.

use std::time::Duration;

use axum::{body::Body, extract::Request};
use http_body::Body as _;

use crate::http::request_body::RequestBody;

/// Limits the body, unless it is empty. The clock starts when the head has arrived.
pub(in crate::http) fn limit(request: Request, timeout: Duration) -> Request {
    if request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::new(RequestBody::new(body, timeout)))
}
