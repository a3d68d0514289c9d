//! Panics become 500: a bug in one handler costs one response, not the connection.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::http::problem::Problem;

/// The response after a panic.
#[expect(clippy::needless_pass_by_value, reason = "tower-http hands it over")]
pub(in crate::http) fn answer(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Problem::internal(format!("panic: {message}")).into_response()
}
