//! `Cache-Control` and `Vary` of answers that have not said it better themselves.
//!
//! | answer | `Cache-Control` |
//! |---|---|
//! | of `/sessions`, with a `Set-Cookie`, a problem | `no-store` |
//! | to a request with credentials | `private, no-cache` |
//! | any other | `public, no-cache`: may be kept, and is asked about each time (the `ETag` makes that cheap) |

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::http::cookie::{FoundCookie, SessionCookie};

/// What answers depend on in this service.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Caching {
    pub(in crate::http) cookie: SessionCookie,
    /// Whether any other origin is allowed: only then do answers depend on `Origin`.
    pub(in crate::http) cors: bool,
}

/// What an answer depends on unless its handler says otherwise: who asks.
const WHO: &str = "Authorization, Cookie";

pub(in crate::http) async fn caching(State(caching): State<Caching>, request: Request, next: Next) -> Response {
    let has_credentials = request.headers().contains_key(header::AUTHORIZATION)
        || !matches!(caching.cookie.find(request.headers()), FoundCookie::None);
    let is_sessions = request.uri().path().split('/').nth(1) == Some("sessions");

    let mut response = next.run(request).await;

    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    if is_sessions || is_error || headers.contains_key(header::SET_COOKIE) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    } else {
        let default = if has_credentials { "private, no-cache" } else { "public, no-cache" };
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(default));
    }
    set_vary(headers, caching.cors);
    response
}

/// One `Vary` out of what the handler, CORS and the compression said, each name once.
fn set_vary(headers: &mut HeaderMap, cors: bool) {
    let said: Vec<_> = headers.get_all(header::VARY).iter().filter_map(|line| line.to_str().ok()).collect();
    // Layers add to it, too; a handler that says something says `Accept-Encoding` at the least.
    let handler_says = said.iter().any(|line| line.eq_ignore_ascii_case("accept-encoding"));
    let always = if handler_says { "" } else { WHO };
    let origin = if cors { "Origin" } else { "" };

    let mut names: Vec<HeaderName> = Vec::new();
    for name in [always, "Accept-Encoding", origin].into_iter().chain(said).flat_map(|line| line.split(',')) {
        let Ok(name) = name.trim().parse::<HeaderName>() else { continue };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let vary = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
    headers.insert(header::VARY, HeaderValue::try_from(vary).expect("names of header fields are ASCII"));
}
