//! Closing so that the client can read its answer.
//!
//! A socket that is closed with unread bytes in it is reset, and the reset overtakes the answer: whoever sends a body that
//! is too large would see "connection reset by peer" and never the 413. So while the client is still sending, what it
//! sends is thrown away for a moment after our end is closed (as nginx does with `lingering_close`).

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Enough for the answer to arrive and for the client to stop sending.
const LINGER: Duration = Duration::from_secs(2);

/// A stream whose shutdown waits for a client that is still sending.
#[derive(Debug)]
pub(super) struct Lingering<T> {
    inner: T,
    end: End,
}

/// How far the end has come.
#[derive(Debug)]
enum End {
    /// Not begun.
    Open,
    /// Our end is closed.
    Closed,
    /// The client was still sending then: what comes is thrown away until the clock stops.
    Lingering(Pin<Box<Sleep>>),
}

impl<T> Lingering<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, end: End::Open }
    }
}

impl<T: AsyncRead + Unpin> Lingering<T> {
    /// Throws away what the client sends, until it stops or the time is over.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut waste = [0; 8 * 1024];
        loop {
            let mut buf = ReadBuf::new(&mut waste);
            let read = Pin::new(&mut self.inner).poll_read(cx, &mut buf);
            let is_over = match (&read, &mut self.end) {
                (Poll::Ready(Ok(())), _) => buf.filled().is_empty(),
                // Pending: it was not sending, so nothing is unread and nothing will reset.
                (Poll::Ready(Err(_)), _) | (Poll::Pending, End::Open | End::Closed) => true,
                (Poll::Pending, End::Lingering(clock)) => return clock.as_mut().poll(cx).map(Ok),
            };
            if is_over {
                return Poll::Ready(Ok(()));
            }
            if !matches!(self.end, End::Lingering(_)) {
                self.end = End::Lingering(Box::pin(sleep(LINGER)));
            }
            // A client that never stops sending must not keep this loop turning past the end.
            if let End::Lingering(clock) = &mut self.end
                && clock.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Lingering<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<T> {
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
        if matches!(self.end, End::Open) {
            std::task::ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
            self.end = End::Closed;
        }
        self.poll_discard(cx)
    }
}
