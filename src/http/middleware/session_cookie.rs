//! The session cookie at the edge: it authenticates no unsafe request of another site, and a dead one is cleared.
//!
//! Browsers send cookies by themselves, also when another site makes them (`SameSite=Lax` keeps most of that away, not all:
//! subdomains are the same site). The check is that of Go's `CrossOriginProtection`: browsers of today say in
//! `Sec-Fetch-Site` where a request comes from; older ones send `Origin`; what sends neither is no browser. Requests with an
//! `Authorization` field are exempt: no browser adds that by itself.

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

    /// Whether it is by the cookie, and by nothing else, that the request says who asks.
    fn is_told_by_cookie(&self, headers: &HeaderMap) -> bool {
        !headers.contains_key(header::AUTHORIZATION) && !matches!(self.cookie.find(headers), FoundCookie::None)
    }

    /// # Errors
    ///
    /// 403 for a request of another site that is about to change something with the cookie.
    pub(in crate::http) fn check(&self, request: &Request) -> Result<UsedCookie, Problem> {
        let headers = request.headers();
        if !self.is_told_by_cookie(headers) {
            return Ok(UsedCookie(None));
        }
        if !request.method().is_safe() && self.comes_from_another_site(headers) {
            return Err(Problem::new(ProblemKind::CrossSite));
        }
        Ok(UsedCookie(Some(self.cookie)))
    }

    fn comes_from_another_site(&self, headers: &HeaderMap) -> bool {
        match (headers.get(SEC_FETCH_SITE), headers.get(header::ORIGIN)) {
            // "none" is a person: the address bar, a bookmark.
            (Some(site), _) => site != "same-origin" && site != "none",
            (None, Some(origin)) => *origin != *self.origin,
            (None, None) => false,
        }
    }
}

/// What has to be done for the cookie of a request, once it is answered.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct UsedCookie(Option<SessionCookie>);

impl UsedCookie {
    /// Makes the browser forget a cookie that is no good.
    pub(in crate::http) fn clear_if_dead(self, mut response: Response) -> Response {
        if let Some(cookie) = self.0
            && response.extensions().get() == Some(&ProblemKind::InvalidToken)
        {
            response.headers_mut().append(header::SET_COOKIE, cookie.clear());
        }
        response
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
