//! The response headers of the document: each is one component that responses refer to.

use utoipa::openapi::{Header, HeaderBuilder, Object, Ref, RefOr, Type};

pub(super) const CACHE_STATUS: &str = "Cache-Status";
pub(super) const ETAG: &str = "ETag";
pub(super) const RATE_LIMIT: &str = "RateLimit";
pub(super) const RATE_LIMIT_POLICY: &str = "RateLimit-Policy";
pub(super) const RETRY_AFTER: &str = "Retry-After";
pub(super) const SERVER_TIMING: &str = "Server-Timing";
pub(super) const WWW_AUTHENTICATE: &str = "WWW-Authenticate";

/// Name, description and example.
const HEADERS: [(&str, &str, &str); 7] = [
    (CACHE_STATUS, "What the cache did for this response (RFC 9211).", "aside; hit; ttl=42; detail=near"),
    (ETAG, "The entity tag of this representation (RFC 9110), for If-None-Match and If-Match.", "\"7\""),
    (
        RATE_LIMIT,
        "For each policy that the request was charged to: the remaining requests `r`, and the seconds `t` until all of the \
         quota is free again (draft-ietf-httpapi-ratelimit-headers). Not sent while rate limits are off.",
        "\"anonymous\";r=59;t=60",
    ),
    (
        RATE_LIMIT_POLICY,
        "For each policy that the request was charged to: the quota `q` in a window of `w` seconds \
         (draft-ietf-httpapi-ratelimit-headers). Not sent while rate limits are off.",
        "\"anonymous\";q=60;w=60",
    ),
    (RETRY_AFTER, "The seconds to wait before another attempt (RFC 9110).", "1"),
    (
        SERVER_TIMING,
        "The time that the request spent waiting for Redis and for PostgreSQL, and in total, in milliseconds (W3C).",
        "cache;dur=0.2, db;dur=1.9, total;dur=2.4",
    ),
    (WWW_AUTHENTICATE, "The authentication scheme to use (RFC 9110).", "Bearer realm=\"aside\""),
];

/// The components that [`reference`] refers to.
pub(super) fn components() -> impl Iterator<Item = (String, RefOr<Header>)> {
    HEADERS.into_iter().map(|(name, description, example)| {
        let schema = Object::with_type(if name == RETRY_AFTER { Type::Integer } else { Type::String });
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description));
        let example = if name == RETRY_AFTER { serde_json::json!(1) } else { example.into() };
        (name.to_owned(), header.example(Some(example)).build().into())
    })
}

/// The reference to a component, for a response.
pub(super) fn reference(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}
