//! A client's connection, and what hyper leaves to its user.
//!
//! | file | subject |
//! |---|---|
//! | `read_deadline`, `framing` | time-outs of idle connections and of heads; requests whose end is ambiguous |
//! | `write_deadline` | clients that do not read their responses |
//! | `parser_errors` | problem documents in place of the error responses of hyper's parser |
//! | `closing` | a refused client reads its response before the connection is reset |
//!
//! | a request with | is 400, and the connection closes, by |
//! |---|---|
//! | `Content-Length` and `Transfer-Encoding`; a transfer coding other than one `chunked` | `framing` |
//! | two different `Content-Length`s, a length that is no number, `Transfer-Encoding` in HTTP/1.0 | hyper |
//! | white space before a colon, a folded line, a bare CR, NUL or another control character | hyper |
//! | no `Host`, or several | `middleware::head` |

mod closing;
mod framing;
mod parser_errors;
mod read_deadline;
mod write_deadline;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use closing::Closing;
use read_deadline::ReadDeadline;
pub(super) use read_deadline::ReadTimeouts;
use write_deadline::WriteDeadline;

/// A client's socket, as hyper reads and writes it.
#[derive(Debug)]
pub(super) struct ClientStream<T> {
    socket: T,
    reads: ReadDeadline,
    writes: WriteDeadline,
    closing: Closing,
    /// The part of a problem document that is not written yet.
    document: Bytes,
}

impl<T: AsyncRead + AsyncWrite + Unpin> ClientStream<T> {
    pub(super) fn new(socket: T, read_timeouts: ReadTimeouts, write_timeout: Duration) -> Self {
        Self {
            socket,
            reads: ReadDeadline::new(read_timeouts),
            writes: WriteDeadline::new(write_timeout),
            closing: Closing::default(),
            document: Bytes::new(),
        }
    }

    fn poll_document(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.document.has_remaining() {
            let written = Pin::new(&mut self.socket).poll_write(cx, &self.document);
            let written = ready!(self.writes.check(cx, written))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.document.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ClientStream<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.reads.poll_read(&mut this.socket, cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientStream<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_document(cx))?;
        if let Some(document) = parser_errors::document(buf) {
            // The next write, flush or shutdown sends it.
            this.document = document;
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut this.socket).poll_write(cx, buf);
        this.writes.check(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_document(cx))?;
        // A parser error has no body: it is the first and only slice.
        if let Some(document) = bufs.first().and_then(|first| parser_errors::document(first)) {
            this.document = document;
            return Poll::Ready(Ok(bufs.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, bufs);
        this.writes.check(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// hyper flushes when its buffer is empty: a flush that is ready ends the wait.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_document(cx))?;
        let flushed = Pin::new(&mut this.socket).poll_flush(cx);
        if flushed.is_ready() {
            this.writes.stop();
        }
        this.writes.check(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_document(cx))?;
        if !this.closing.has_begun() {
            let closed = Pin::new(&mut this.socket).poll_shutdown(cx);
            ready!(this.writes.check(cx, closed))?;
        }
        this.closing.poll_discard(&mut this.socket, cx)
    }
}
