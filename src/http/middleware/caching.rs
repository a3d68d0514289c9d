//! `Cache-Control` and `Vary`, where the handler has not set them.
//!
//! | response | `Cache-Control` |
//! |---|---|
//! | of `/sessions`, with a `Set-Cookie`, a problem | `no-store` |
//! | to a request with credentials | `private, no-cache` |
//! | any other | `public, no-cache`: may be stored, and is revalidated each time (the `ETag` makes that cheap) |

use axum::{extract::Request, response::Response};
use http::{HeaderName, HeaderValue, header};

use crate::http::cookie::{FoundCookie, SessionCookie};

/// The parts of requests that responses depend on.
#[derive(Debug)]
pub(in crate::http) struct Caching {
    cookie: SessionCookie,
    /// For responses that depend on credentials, if only on whether a token is good.
    vary: HeaderValue,
    /// For all others.
    vary_for_all: HeaderValue,
}

/// An extension of responses that are the same for all clients, such as the documentation.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct SameForAll;

impl Caching {
    /// `cors`: whether any other origin is allowed. Only then do answers depend on `Origin`.
    pub(in crate::http) fn new(cookie: SessionCookie, cors: bool) -> Self {
        let (vary, vary_for_all) = if cors {
            ("authorization, cookie, accept-encoding, origin", "accept-encoding, origin")
        } else {
            ("authorization, cookie, accept-encoding", "accept-encoding")
        };
        Self { cookie, vary: HeaderValue::from_static(vary), vary_for_all: HeaderValue::from_static(vary_for_all) }
    }

    /// The caching of the response to this request.
    pub(in crate::http) fn of(&self, request: &Request) -> AnswerCaching<'_> {
        let has_credentials = request.headers().contains_key(header::AUTHORIZATION)
            || !matches!(self.cookie.find(request.headers()), FoundCookie::None);
        let is_sessions = request.uri().path().split('/').nth(1) == Some("sessions");
        AnswerCaching { caching: self, has_credentials, is_sessions }
    }
}

/// [`Caching`] of the response to one request.
#[derive(Debug)]
pub(in crate::http) struct AnswerCaching<'a> {
    caching: &'a Caching,
    has_credentials: bool,
    is_sessions: bool,
}

impl AnswerCaching<'_> {
    /// Writes both fields.
    pub(in crate::http) fn write(&self, response: &mut Response) {
        let is_error = response.status().is_client_error() || response.status().is_server_error();
        let for_all = response.extensions().get::<SameForAll>().is_some();

        let headers = response.headers_mut();
        if self.is_sessions || is_error || headers.contains_key(header::SET_COOKIE) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        } else {
            let default = if self.has_credentials && !for_all { "private, no-cache" } else { "public, no-cache" };
            headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(default));
        }
        let always = if for_all { &self.caching.vary_for_all } else { &self.caching.vary };
        let vary = if headers.contains_key(header::VARY) {
            both(always, headers.get_all(header::VARY).iter())
        } else {
            always.clone()
        };
        headers.insert(header::VARY, vary);
    }
}

/// One `Vary` with the names of the service, the handler, CORS and compression, each name once.
fn both<'a>(always: &'a HeaderValue, said: impl Iterator<Item = &'a HeaderValue>) -> HeaderValue {
    let lines = std::iter::once(always).chain(said).filter_map(|line| line.to_str().ok());
    let mut names: Vec<HeaderName> = Vec::new();
    for name in lines.flat_map(|line| line.split(',')) {
        let Ok(name) = name.trim().parse::<HeaderName>() else { continue };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let vary = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(vary).expect("names of header fields are ASCII")
}
