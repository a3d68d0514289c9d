//! Deadlines for reading: how long a connection may be idle, and how long a head may take from its first byte.
//!
//! hyper's own time-out for heads starts when hyper begins to wait for a head, so it would end idle connections and slow heads
//! alike. A proxy that keeps its connections for longer then loses the request that it sends at that moment.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::framing::{Framing, Part};

/// In place of the rest of a head that is refused. hyper finds a NUL in a field, answers 400 and closes.
const REFUSED: &[u8] = b"\0\r\n\r\n";

/// The longest read of a body. hyper doubles its buffer, up to 64 KiB, each time that a read fills it, and each of many clients
/// that send half a body would hold that.
const BODY_READ: usize = 4 * 1024;

/// Time-outs of a client that does not send.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct ReadTimeouts {
    /// Before the first byte of a request: the first one or the next.
    pub(in crate::http) idle: Duration,
    /// From the first byte of a head to its end.
    pub(in crate::http) head: Duration,
}

/// Ends reads with [`io::ErrorKind::TimedOut`] when a request does not arrive, and passes on no request whose end is
/// ambiguous. Bodies have a deadline elsewhere (`request_body`).
#[derive(Debug)]
pub(super) struct ReadDeadline {
    timeouts: ReadTimeouts,
    framing: Framing,
    /// When the wait for a request, or for the rest of a head, began.
    waiting_since: Option<Instant>,
    /// Made once for a connection, and reset for each wait.
    clock: Option<Pin<Box<Sleep>>>,
}

impl ReadDeadline {
    pub(super) fn new(timeouts: ReadTimeouts) -> Self {
        Self { timeouts, framing: Framing::default(), waiting_since: None, clock: None }
    }

    /// Reads what belongs to the next part of a request.
    pub(super) fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        socket: &mut T,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let start = buf.filled().len();
        let read = match self.framing.part() {
            Part::Length(_) | Part::Chunked(_) => poll_read_some(Pin::new(socket), cx, buf),
            Part::BetweenRequests | Part::Head | Part::Refused => Pin::new(socket).poll_read(cx, buf),
        };
        match read {
            Poll::Ready(Ok(())) => self.follow(buf, start),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return self.poll_deadline(cx).map(Err),
        }
        Poll::Ready(Ok(()))
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

#[cfg(test)]
#[path = "read_deadline_tests.rs"]
mod tests;
