//! Deadlines for reading: how long a connection may be idle, and how long a head may take from its first byte.
//!
//! hyper's own time-out for heads starts when it begins to wait, so that it would end idle connections as soon as slow heads:
//! a proxy that keeps its connections for longer then loses the request that it sends at that moment.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::framing::{Framing, Part};

/// In place of the rest of a head that is refused. hyper finds a NUL in a field, answers 400 and closes.
const REFUSED: &[u8] = b"\0\r\n\r\n";

/// What one read takes of a body. hyper doubles its buffer, up to 64 KiB, each time that a read fills it; many clients that send half
/// a body would each hold that.
const BODY_READ: usize = 4 * 1024;

/// How long a client may take to send.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct ReadTimeouts {
    /// Nothing, before its first request and between two.
    pub(in crate::http) idle: Duration,
    /// A head, from its first byte.
    pub(in crate::http) head: Duration,
}

/// A stream whose reads end with [`io::ErrorKind::TimedOut`] when a request does not come, and that lets no request pass
/// whose end is ambiguous. Bodies have a deadline elsewhere (`request_body`).
#[derive(Debug)]
pub(super) struct ReadDeadline<T> {
    inner: T,
    timeouts: ReadTimeouts,
    framing: Framing,
    /// When the wait for a request, or for the rest of a head, began.
    waiting_since: Option<Instant>,
    /// Made once for a connection, and set anew for each wait.
    clock: Option<Pin<Box<Sleep>>>,
}

impl<T> ReadDeadline<T> {
    pub(super) fn new(inner: T, timeouts: ReadTimeouts) -> Self {
        Self { inner, timeouts, framing: Framing::default(), waiting_since: None, clock: None }
    }

    /// Follows what was read behind `start`, and cuts it off where it is refused.
    fn follow(&mut self, buf: &mut ReadBuf<'_>, start: usize) {
        let heads = self.framing.heads();
        if let Err(at) = self.framing.follow(&buf.filled()[start..]) {
            buf.set_filled(start + at);
            let room = buf.remaining().min(REFUSED.len());
            buf.put_slice(&REFUSED[..room]);
        }
        if self.framing.part() != Part::Head || self.framing.heads() != heads {
            self.waiting_since = None;
        }
        if self.framing.part() == Part::Head {
            self.waiting_since.get_or_insert_with(Instant::now);
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let (timeout, late) = match self.framing.part() {
            Part::BetweenRequests => (self.timeouts.idle, "the connection was idle for too long"),
            Part::Head => (self.timeouts.head, "the head did not arrive in time"),
            Part::Length(_) | Part::Chunked(_) | Part::Refused => return Poll::Pending,
        };
        let deadline = *self.waiting_since.get_or_insert_with(Instant::now) + timeout;
        let clock = self.clock.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if clock.deadline() != deadline {
            clock.as_mut().reset(deadline);
        }
        clock.as_mut().poll(cx).map(|()| io::Error::new(io::ErrorKind::TimedOut, late))
    }
}

/// Reads at most [`BODY_READ`].
fn poll_read_some<T: AsyncRead>(
    inner: Pin<&mut T>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let room = buf.remaining().min(BODY_READ);
    let mut some = ReadBuf::new(buf.initialize_unfilled_to(room));
    ready!(inner.poll_read(cx, &mut some))?;
    let read = some.filled().len();
    buf.advance(read);
    Poll::Ready(Ok(()))
}

impl<T: AsyncRead + Unpin> AsyncRead for ReadDeadline<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let start = buf.filled().len();
        let read = match self.framing.part() {
            Part::Length(_) | Part::Chunked(_) => poll_read_some(Pin::new(&mut self.inner), cx, buf),
            Part::BetweenRequests | Part::Head | Part::Refused => Pin::new(&mut self.inner).poll_read(cx, buf),
        };
        match read {
            Poll::Ready(Ok(())) => self.follow(buf, start),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return self.poll_deadline(cx).map(Err),
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ReadDeadline<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[path = "read_deadline_tests.rs"]
mod tests;
