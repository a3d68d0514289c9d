//! The deadline of a request, from its head to the head of its response; the bound of its waits for permits; and its one
//! freshness check.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use aside_postgres::admission;
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use crate::{http::problem::Problem, repository::share_freshness_check};

/// Bounds the time of a handler. The request began at the given instant and may be one that `only_reads`.
///
/// # Cancel safety
///
/// At the deadline the handler is dropped, wherever it waits. Writes go on: they have tasks and deadlines of their own.
pub(in crate::http) fn within(
    limit: Duration,
    (began, only_reads): (Instant, bool),
    handler: impl Future<Output = Response>,
) -> impl Future<Output = Response> {
    let answer = Deadline { handler, limit, clock: None };
    admission::request(began, only_reads, share_freshness_check(answer))
}

pin_project! {
    /// A handler with its clock. The clock starts when the handler first waits: most requests end before that.
    struct Deadline<F> {
        #[pin]
        handler: F,
        limit: Duration,
        clock: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future<Output = Response>> Future for Deadline<F> {
    type Output = Response;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        let this = self.project();
        if let Poll::Ready(answer) = this.handler.poll(context) {
            return Poll::Ready(answer);
        }
        let clock = this.clock.get_or_insert_with(|| Box::pin(sleep(*this.limit)));
        clock
            .as_mut()
            .poll(context)
            .map(|()| Problem::unavailable("the deadline of the request has passed").into_response())
    }
}
