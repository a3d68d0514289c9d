//! Puts every request's body under its limits.

use std::time::Duration;

use axum::{body::Body, extract::Request};
use http_body::Body as _;

use crate::http::request_body::RequestBody;

/// A function that gives bodies their limits. The clock starts when the head is there.
pub(in crate::http) fn limiter(timeout: Duration) -> impl Fn(Request) -> Request + Clone {
    move |request| {
        if request.body().is_end_stream() {
            return request;
        }
        request.map(|body| Body::new(RequestBody::new(body, timeout)))
    }
}
