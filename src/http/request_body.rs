//! Limits on the body of a request: 64 KiB, and one deadline for the whole body.
//!
//! A deadline for each frame would not end a client that sends one byte each second.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

/// The longest body of a request. The largest valid one (a post of 2,000 characters, each escaped) has 24,000 bytes.
pub(super) const MAX_BODY_BYTES: u64 = 64 * 1024;

/// A request's body that ends with an error when it is too long or too late.
pub(super) struct RequestBody {
    inner: Body,
    remaining: u64,
    deadline: Pin<Box<Sleep>>,
}

/// Why a body cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// More than [`MAX_BODY_BYTES`].
    #[error("the body has more than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// Incomplete at the deadline.
    #[error("the body did not arrive in time")]
    TooLate,
    /// The client disconnected, or broke the framing.
    #[error("the body could not be read")]
    Broken(#[source] axum::Error),
}

impl RequestBody {
    /// Starts the clock.
    pub(super) fn new(inner: Body, timeout: Duration) -> Self {
        Self { inner, remaining: MAX_BODY_BYTES, deadline: Box::pin(tokio::time::sleep(timeout)) }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return self.deadline.as_mut().poll(cx).map(|()| Some(Err(BodyError::TooLate))),
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.remaining.checked_sub(length) {
            Some(remaining) => self.remaining = remaining,
            None => return Poll::Ready(Some(Err(BodyError::TooLarge))),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RequestBody").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}
