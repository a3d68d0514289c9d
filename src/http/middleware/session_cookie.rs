//! The session cookie at the edge: it authenticates no unsafe request of another site, and a dead one is cleared.
//!
//! Browsers attach cookies to requests that another site caused. `SameSite=Lax` prevents most of these, not all: subdomains
//! are the same site. The check is that of Go's `CrossOriginProtection`: browsers of today name the origin of a request in
//! `Sec-Fetch-Site`, older ones in `Origin`, and a client that sends neither is no browser. Requests with an `Authorization`
//! field are exempt, since browsers do not add it.

use axum::{extract::Request, response::Response};
use http::{HeaderMap, HeaderName, header};
use url::Url;

use crate::http::{
    cookie::{FoundCookie, SessionCookie},
    problem::{Problem, ProblemKind},
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The cookie, and the origin whose pages may use it.
#[derive(Clone, Debug)]
pub(in crate::http) struct OwnSite {
    cookie: SessionCookie,
    origin: String,
}

impl OwnSite {
    pub(in crate::http) fn new(public_url: &Url) -> Self {
        Self { cookie: SessionCookie::for_url(public_url), origin: public_url.origin().ascii_serialization() }
    }

    /// Whether the cookie is the only credential of the request.
    fn is_by_cookie(&self, headers: &HeaderMap) -> bool {
        !headers.contains_key(header::AUTHORIZATION) && !matches!(self.cookie.find(headers), FoundCookie::None)
    }

    /// Whether the cookie is the only credential of the request.
    ///
    /// # Errors
    ///
    /// 403 for an unsafe request of another site with the cookie.
    pub(in crate::http) fn check(&self, request: &Request) -> Result<bool, Problem> {
        let headers = request.headers();
        let is_by_cookie = self.is_by_cookie(headers);
        if is_by_cookie && !request.method().is_safe() && self.comes_from_another_site(headers) {
            return Err(Problem::new(ProblemKind::CrossSite));
        }
        Ok(is_by_cookie)
    }

    /// Makes the browser forget a cookie whose token is invalid. For responses to requests with the cookie.
    pub(in crate::http) fn clear_dead_cookie(&self, mut response: Response) -> Response {
        if response.extensions().get() == Some(&ProblemKind::InvalidToken) {
            response.headers_mut().append(header::SET_COOKIE, self.cookie.clear());
        }
        response
    }

    fn comes_from_another_site(&self, headers: &HeaderMap) -> bool {
        match (headers.get(SEC_FETCH_SITE), headers.get(header::ORIGIN)) {
            // "none" is a navigation by the user: the address bar, a bookmark.
            (Some(site), _) => site != "same-origin" && site != "none",
            (None, Some(origin)) => *origin != *self.origin,
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn sec_fetch_site_decides_and_origin_is_second() {
        let own = OwnSite::new(&Url::parse("https://aside.example/").expect("a URL"));
        for (site, origin, refused) in [
            (None, None, false),
            (Some("same-origin"), None, false),
            (Some("none"), None, false),
            (Some("same-site"), None, true),
            (Some("cross-site"), None, true),
            (Some("cross-site"), Some("https://aside.example"), true),
            (Some("same-origin"), Some("https://evil.example"), false),
            (None, Some("https://aside.example"), false),
            (None, Some("https://aside.example:8443"), true),
            (None, Some("http://aside.example"), true),
            (None, Some("null"), true),
        ] {
            let fields = [(SEC_FETCH_SITE, site), (header::ORIGIN, origin)];
            let headers = fields.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_static(value?))));

            assert_eq!(own.comes_from_another_site(&headers.collect()), refused, "{site:?} {origin:?}");
        }
    }
}
