//! The span of a request and its one log line at info. Without tokens, bodies and query strings.

use std::time::Duration;

use axum::{extract::Request, response::Response};
use tracing::{Span, field::Empty};

use super::request_id::RequestId;
use crate::http::{extract::ClientAddress, problem::Cause};

/// The longest path in a log line: a client may send 8 KiB.
const MAX_PATH_CHARS: usize = 128;

/// All log lines of the request carry these fields. Authentication records `user_id`.
pub(super) fn span(request: &Request, id: &RequestId, route: &str) -> Span {
    let path = request.uri().path();
    let path = path.char_indices().nth(MAX_PATH_CHARS).map_or(path, |(end, _)| &path[..end]);
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = %request.method(),
        route,
        path,
        client = Empty,
        user_id = Empty,
    );
    if let Some(client) = request.extensions().get::<ClientAddress>() {
        span.record("client", tracing::field::display(client.ip()));
    }
    span
}

/// Logs the request, and before it the cause of an error. Causes are logged only here.
pub(super) fn log(response: &Response, duration: Duration) {
    let status = response.status();
    if let Some(cause) = response.extensions().get::<Cause>() {
        if status.is_server_error() {
            tracing::error!(error = %cause, "failed");
        } else {
            tracing::debug!(error = %cause, "refused");
        }
    }
    tracing::info!(status = status.as_u16(), duration_ms = milliseconds(duration), "answered");
}

/// With three decimals. The division comes last: a product with 0.001 has more digits than a reader wants.
#[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_at_most_three_decimals() {
        for nanoseconds in (0..50_000_000).step_by(7_919).chain([170_847, 1_999_999_999]) {
            let text = milliseconds(Duration::from_nanos(nanoseconds)).to_string();

            assert!(text.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 3), "{text}");
        }
        assert_eq!(milliseconds(Duration::from_nanos(170_847)).to_string(), "0.17");
        assert_eq!(milliseconds(Duration::from_micros(1_234_567)).to_string(), "1234.567");
    }
}
