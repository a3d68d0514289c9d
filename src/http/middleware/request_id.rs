//! The id of a request, in every log line and response: the client's if it is well-formed, a new one otherwise.

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
        let given = headers.get(X_REQUEST_ID).filter(|value| is_well_formed(value.as_bytes()));
        given.cloned().map_or_else(Self::random, Self)
    }

    /// A new one, ordered by time.
    pub(in crate::http) fn random() -> Self {
        let mut text = Uuid::encode_buffer();
        // Without the counter that orders ids of one millisecond: all threads would contend for it.
        let now = Timestamp::now(NoContext);
        let text = Uuid::new_v7(now).as_hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).expect("a UUID is ASCII"))
    }

    /// The value of the header field.
    pub(super) fn into_header(self) -> HeaderValue {
        self.0
    }
}

fn is_well_formed(id: &[u8]) -> bool {
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
    fn only_well_formed_ids_are_taken() {
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
