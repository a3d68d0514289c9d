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

/// What hyper says of a body that is not there.
const NO_BODY: &str = "\r\ncontent-length: 0\r\n";

/// The whole answer in place of one that hyper made by itself; `None` for all others.
fn document(head: &[u8]) -> Option<Bytes> {
    // Most writes end here.
    let code = head.strip_prefix(b"HTTP/1.1 ").filter(|rest| rest.first() == Some(&b'4'))?.get(..3)?;
    let head = str::from_utf8(head).ok()?;
    let is_bare = head.ends_with("\r\n\r\n") && head.contains(NO_BODY) && !head.contains("\r\nx-request-id: ");
    if !is_bare {
        return None;
    }
    let status = StatusCode::from_bytes(code).ok()?;
    let id = RequestId::random();
    tracing::info!(request_id = %id, status = status.as_u16(), "refused a request that is not HTTP");

    let body = Problem::new(ProblemKind::of_status(status)).into_json();
    let fields = format!(
        "\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n\
         x-request-id: {id}\r\n",
        problem::CONTENT_TYPE,
        body.len(),
    );
    Some([head.replace(NO_BODY, &fields).into_bytes(), body].concat().into())
}

impl<T: AsyncRead + Unpin> AsyncRead for BareAnswers<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for BareAnswers<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        let Some(document) = document(buf) else { return Pin::new(&mut self.inner).poll_write(cx, buf) };
        // Taken over: the next write, flush or shutdown sends it.
        self.pending = document;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        // A bare answer has no body: it is the first and only piece.
        let Some(document) = bufs.first().and_then(|first| document(first)) else {
            return Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        };
        self.pending = document;
        Poll::Ready(Ok(bufs.iter().map(|piece| piece.len()).sum()))
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
        let bare = "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";

        let answer = document(bare.as_bytes()).expect("it is bare");

        let answer = str::from_utf8(&answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\nconnection: close\r\n") && head.ends_with("date: now"));
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
        assert!(body.contains("/problems/uri-too-long"));
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nx-request-id: a\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nbody",
            "HTTP/1.1 4",
            "",
        ] {
            assert_eq!(document(other.as_bytes()), None, "{other}");
        }
    }
}
