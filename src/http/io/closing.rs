//! Closing so that the client can read its response.
//!
//! A socket that is closed with unread bytes in it is reset, and the reset overtakes the response: a client that sends a body
//! that is too large would see "connection reset by peer" in place of the 413. So the server closes its end, and then reads and
//! discards what the client still sends for a short time, as nginx does with `lingering_close`.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Sleep, sleep},
};

/// Enough for the response to arrive and for the client to stop sending.
const DISCARD_FOR: Duration = Duration::from_secs(2);

/// The end of a connection.
#[derive(Debug, Default)]
pub(super) struct Closing {
    has_begun: bool,
    /// Runs once the client has sent something behind the end.
    clock: Option<Pin<Box<Sleep>>>,
}

impl Closing {
    /// Whether the server's end is closed.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Discards what the client sends, until it stops or the time is over.
    pub(super) fn poll_discard<T: AsyncRead + Unpin>(
        &mut self,
        socket: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.has_begun = true;
        let mut discarded = [0; 8 * 1024];
        loop {
            let mut buf = ReadBuf::new(&mut discarded);
            match (Pin::new(&mut *socket).poll_read(cx, &mut buf), &mut self.clock) {
                (Poll::Ready(Ok(())), _) if !buf.filled().is_empty() => {}
                // Without a clock the client has sent nothing: nothing is unread, so nothing resets.
                (Poll::Ready(_), _) | (Poll::Pending, None) => return Poll::Ready(Ok(())),
                (Poll::Pending, Some(clock)) => return clock.as_mut().poll(cx).map(Ok),
            }
            // A client that sends without end must not keep this loop running.
            let clock = self.clock.get_or_insert_with(|| Box::pin(sleep(DISCARD_FOR)));
            if clock.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
