//! Header fields that restrict what browsers do with a response (OWASP REST Security Cheat Sheet).

use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

/// JSON loads nothing and is framed by no page. Pages set their own policy.
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

const FIELDS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, API_POLICY),
];

pub(in crate::http) fn add(response: &mut Response) {
    for (name, value) in FIELDS {
        response.headers_mut().entry(name).or_insert(value);
    }
}
