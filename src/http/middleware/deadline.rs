//! The deadline of a request, from its head to the head of its answer, the bound of all its waits for a turn, and
//! its one look at whether copies are current.

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

use crate::{http::problem::Problem, repository::look_once};

/// Gives the handler of a request, which began then and may be one that `only_reads`, so long to answer.
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
    admission::request(began, only_reads, look_once(answer))
}

/// The handler did not answer in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the deadline of the request has passed")]
struct Late;

pin_project! {
    /// A handler, and the clock beside it. It is wound up when the handler first waits: most are answered without.
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
        clock.as_mut().poll(context).map(|()| Problem::unavailable(Late).into_response())
    }
}
