//! Problem documents in place of the bare answers that hyper gives by itself.
//!
//! A head that hyper cannot parse never reaches a service: hyper writes `400`, `414` or `431` with an empty body and closes.
//! That is the one kind of error our layers never see, so it is caught here, on its way out: hyper hands over each head in
//! one piece, its own has `content-length: 0` and, unlike every answer of ours, no `x-request-id`.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::{
    middleware::request_id::RequestId,
    problem::{self, Problem, ProblemKind},
};

/// A stream on which the bare answers of hyper become problem documents.
#[derive(Debug)]
pub(super) struct BareAnswers<T> {
    inner: T,
    /// The part of a document that is not written yet.
    pending: Bytes,
}

impl<T> BareAnswers<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, pending: Bytes::new() }
    }
}

impl<T: AsyncWrite + Unpin> BareAnswers<T> {
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.pending.has_remaining() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

/// The status of an answer that hyper made by itself; `None` for all others.
fn bare_status(head: &[u8]) -> Option<StatusCode> {
    let rest = head.strip_prefix(b"HTTP/1.1 4").or_else(|| head.strip_prefix(b"HTTP/1.0 4"))?;
    let text = str::from_utf8(head).ok().filter(|text| text.ends_with("\r\n\r\n"))?;
    let is_bare = text.contains("\r\ncontent-length: 0\r\n") && !text.contains("\r\nx-request-id: ");
    let (tens, _) = rest.split_at_checked(2)?;
    is_bare.then(|| StatusCode::from_bytes(&[b'4', tens[0], tens[1]]).ok()).flatten()
}

/// The whole answer, from its status line to its last byte.
fn document(status: StatusCode) -> Bytes {
    let id = RequestId::random();
    let kind = ProblemKind::of_status(status);
    tracing::info!(request_id = %id, status = status.as_u16(), "refused a request that is not HTTP");

    let body = Problem::new(kind).into_json();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nx-request-id: {id}\r\nconnection: close\r\n\r\n",
        problem::CONTENT_TYPE,
        body.len(),
    );
    [head.into_bytes(), body].concat().into()
}

impl<T: AsyncRead + Unpin> AsyncRead for BareAnswers<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for BareAnswers<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        match bare_status(buf) {
            None => Pin::new(&mut self.inner).poll_write(cx, buf),
            Some(status) => {
                // Taken over: the next write, flush or shutdown sends it.
                self.pending = document(status);
                Poll::Ready(Ok(buf.len()))
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        match bufs.first() {
            // A bare answer has no body: it is the first and only piece.
            Some(first) if bare_status(first).is_some() => self.poll_write(cx, first),
            _ => Pin::new(&mut self.inner).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_heads_without_body_and_request_id_are_bare() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let ours = b"HTTP/1.1 400 Bad Request\r\nx-request-id: a\r\ncontent-length: 0\r\n\r\n";

        assert_eq!(bare_status(bare), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        assert_eq!(bare_status(ours), None);
        for other in [&b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..], b"HTTP/1.1 4", b"HTTP/1.1 400", b"", b"x"] {
            assert_eq!(bare_status(other), None);
        }
    }
}
