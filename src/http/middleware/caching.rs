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

/// An extension of answers that do not depend on who asks, such as the documentation.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct ForEverybody;

/// What all other answers depend on: if only on whether a token is good.
const WHO: &str = "Authorization, Cookie";

pub(in crate::http) async fn caching(State(caching): State<Caching>, request: Request, next: Next) -> Response {
    let has_credentials = request.headers().contains_key(header::AUTHORIZATION)
        || !matches!(caching.cookie.find(request.headers()), FoundCookie::None);
    let is_sessions = request.uri().path().split('/').nth(1) == Some("sessions");

    let mut response = next.run(request).await;

    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let for_everybody = response.extensions().get::<ForEverybody>().is_some();
    let headers = response.headers_mut();
    if is_sessions || is_error || headers.contains_key(header::SET_COOKIE) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    } else {
        let default = if has_credentials && !for_everybody { "private, no-cache" } else { "public, no-cache" };
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(default));
    }
    let who = if for_everybody { "" } else { WHO };
    let origin = if caching.cors { "Origin" } else { "" };
    add_vary(headers, &[who, "Accept-Encoding", origin]);
    response
}

/// One `Vary` out of these and of what the handler, CORS and the compression said, each name once.
fn add_vary(headers: &mut HeaderMap, always: &[&str]) {
    let said: Vec<_> = headers.get_all(header::VARY).iter().filter_map(|line| line.to_str().ok()).collect();
    let mut names: Vec<HeaderName> = Vec::new();
    for name in always.iter().copied().chain(said).flat_map(|line| line.split(',')) {
        let Ok(name) = name.trim().parse::<HeaderName>() else { continue };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let vary = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
    headers.insert(header::VARY, HeaderValue::try_from(vary).expect("names of header fields are ASCII"));
}
