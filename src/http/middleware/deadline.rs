//! The deadline of a request, from its head to the head of its answer, the bound of all its waits for a turn, and
//! its one look at whether copies are current.

use std::{future::Future, time::Duration};

use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::time::timeout;

use crate::{bulkhead, http::problem::Problem, repository::look_once};

/// Gives the handler of a request, which may be one that `only_reads`, so long to answer.
///
/// # Cancel safety
///
/// At the deadline the handler is dropped, wherever it waits. Writes go on: they have tasks and deadlines of their own.
pub(in crate::http) fn within(
    limit: Duration,
    only_reads: bool,
    handler: impl Future<Output = Response>,
) -> impl Future<Output = Response> {
    let answer = look_once(timeout(limit, handler));
    let late = |elapsed| Problem::unavailable(elapsed).into_response();
    bulkhead::request(only_reads, answer).map(move |answer| answer.unwrap_or_else(late))
}
