//! Problem documents in place of the error responses of hyper's parser.
//!
//! A head that hyper cannot parse reaches no service: hyper writes `400`, `414` or `431` with an empty body and closes the
//! connection. The middleware stack does not see these errors, so they are replaced on their way out. hyper writes each head
//! in one piece. Its own has `content-length: 0` and, unlike every response of the service, no `x-request-id`.

use bytes::Bytes;
use http::StatusCode;

use crate::http::{
    middleware::request_id::RequestId,
    problem::{self, Problem, ProblemKind},
};

/// How hyper writes that a response has no body.
const NO_BODY: &str = "\r\ncontent-length: 0\r\n";

/// The whole response in place of a parser error; `None` for every other response.
pub(super) fn document(head: &[u8]) -> Option<Bytes> {
    // Most writes end here.
    let code = head.strip_prefix(b"HTTP/1.1 ").filter(|rest| rest.first() == Some(&b'4'))?.get(..3)?;
    let head = str::from_utf8(head).ok()?;
    let is_parser_error = head.ends_with("\r\n\r\n") && head.contains(NO_BODY) && !head.contains("\r\nx-request-id: ");
    if !is_parser_error {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_heads_without_body_and_request_id_are_replaced() {
        let error = "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";

        let response = document(error.as_bytes()).expect("a parser error");

        let response = str::from_utf8(&response).expect("text");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
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
