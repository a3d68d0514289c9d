//! A deadline for writing: the connection of a client that does not read its response, or reads it byte by byte, ends.
//!
//! The clock starts with the first write that has to wait, and stops when everything is written. Progress does not reset it:
//! a client that reads one byte each second makes progress too, and would keep its connection without end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Sleep, sleep};

/// Ends blocked writes with [`io::ErrorKind::TimedOut`].
#[derive(Debug)]
pub(super) struct WriteDeadline {
    timeout: Duration,
    /// Runs while something waits to be written.
    clock: Option<Pin<Box<Sleep>>>,
}

impl WriteDeadline {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, clock: None }
    }

    /// The outcome of a write, or an error if the write has to wait after the deadline.
    pub(super) fn check<V>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<V>>) -> Poll<io::Result<V>> {
        if written.is_ready() {
            return written;
        }
        let clock = self.clock.get_or_insert_with(|| Box::pin(sleep(self.timeout)));
        clock.as_mut().poll(cx).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }

    /// Everything is written.
    pub(super) fn stop(&mut self) {
        self.clock = None;
    }
}
