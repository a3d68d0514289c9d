//! The name of a request, in every log line and on every answer: taken from the client when sane, made otherwise.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::{NoContext, Timestamp, Uuid};

/// `X-Request-Id`.
pub(in crate::http) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 128;

/// 1 to 128 of `A-Z a-z 0-9 . _ -`: nothing that could forge a log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The client's, or a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(X_REQUEST_ID).filter(|value| is_sane(value.as_bytes()));
        given.cloned().map_or_else(Self::random, Self)
    }

    /// A new one, ordered by time.
    pub(in crate::http) fn random() -> Self {
        let mut text = Uuid::encode_buffer();
        // Without the counter that orders those of one millisecond, which all threads would wait for.
        let now = Timestamp::now(NoContext);
        let text = Uuid::new_v7(now).as_hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).expect("a UUID is ASCII"))
    }

    /// As a header has it.
    pub(super) fn into_header(self) -> HeaderValue {
        self.0
    }
}

fn is_sane(id: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(is_allowed)
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.to_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sane_ids_are_taken() {
        let longest = "a".repeat(128);
        for (given, taken) in [
            ("a", true),
            ("A-z_0.9", true),
            (longest.as_str(), true),
            ("", false),
            (&format!("{longest}a"), false),
            ("a b", false),
            ("a\"b", false),
            ("a=b", false),
        ] {
            let headers = HeaderMap::from_iter([(X_REQUEST_ID, given.parse().expect("a header value"))]);

            assert_eq!(RequestId::of(&headers).to_string() == given, taken, "{given}");
        }
        assert_ne!(RequestId::random(), RequestId::random());
    }
}
