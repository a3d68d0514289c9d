//! The deadline of a request, from its head to the head of its answer, the bound of all its waits for a turn, and
//! its one look at whether copies are current.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use crate::{bulkhead, http::problem::Problem, repository::look_once};

/// # Cancel safety
///
/// At the deadline the handler is dropped, wherever it waits. Writes go on: they have tasks and deadlines of their own.
pub(in crate::http) async fn deadline(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    let only_reads = request.method().is_safe();
    let answer = look_once(timeout(limit, next.run(request)));
    match bulkhead::request(only_reads, answer).await {
        Ok(response) => response,
        Err(elapsed) => Problem::unavailable(elapsed).into_response(),
    }
}
