//! The session cookie: its name, its flags, how it is set, read and cleared.
//!
//! Over https it is `__Host-aside_session`: browsers refuse the prefix from subdomains and over http, so no other site can
//! plant a cookie. Over http (loopback hosts only, see `config`) browsers refuse `Secure`, and with it the prefix.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The session cookie of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    secure: bool,
}

/// The session cookie of a request.
#[derive(Debug)]
pub(super) enum FoundCookie {
    /// There is none.
    None,
    /// One value.
    One(SecretString),
    /// Several values. One of them was planted, and the server cannot tell which.
    Ambiguous,
}

impl SessionCookie {
    /// As it must be for the URL that clients call.
    #[must_use]
    pub fn for_url(public_url: &Url) -> Self {
        Self { secure: public_url.scheme() == "https" }
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        if self.secure { "__Host-aside_session" } else { "aside_session" }
    }

    /// The `Set-Cookie` of a new session.
    #[must_use]
    pub fn set(self, token: &SecretString, lifetime: Duration) -> HeaderValue {
        self.header(token.expose_secret(), lifetime)
    }

    /// The `Set-Cookie` that makes the browser forget.
    #[must_use]
    pub fn clear(self) -> HeaderValue {
        self.header("", Duration::ZERO)
    }

    /// The session cookie of a request. Broken cookies of other names are ignored. A session cookie that is no text is a bad one,
    /// not an absent one.
    pub(super) fn find(self, headers: &HeaderMap) -> FoundCookie {
        let lines = headers.get_all(header::COOKIE).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
        let mut ours = lines
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .filter(|cookie| cookie.name() == self.name())
            .map(|cookie| cookie.value().to_owned());
        let Some(first) = ours.next() else { return FoundCookie::None };
        if ours.all(|other| other == first) { FoundCookie::One(first.into()) } else { FoundCookie::Ambiguous }
    }

    fn header(self, value: &str, lifetime: Duration) -> HeaderValue {
        let max_age = cookie::time::Duration::seconds(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX));
        let cookie = Cookie::build((self.name(), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .max_age(max_age);
        HeaderValue::try_from(cookie.to_string()).expect("tokens are URL-safe text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(url: &str) -> SessionCookie {
        SessionCookie::for_url(&Url::parse(url).expect("a URL"))
    }

    fn request(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn https_makes_a_host_cookie() {
        let header = cookie("https://aside.example").set(&SecretString::from("t0k"), Duration::from_mins(1));

        assert_eq!(header, "__Host-aside_session=t0k; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
    }

    #[test]
    fn http_makes_a_plain_cookie_and_clearing_ends_it_at_once() {
        let header = cookie("http://127.0.0.1:8080").clear();

        assert_eq!(header, "aside_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    }

    #[test]
    fn it_is_found_between_others_and_over_several_lines() {
        let headers = request(&["a=b; =; ;;; c", "x=y; aside_session=t0k; z"]);

        let found = cookie("http://127.0.0.1").find(&headers);

        assert!(matches!(found, FoundCookie::One(token) if token.expose_secret() == "t0k"));
    }

    #[test]
    fn bytes_that_are_no_ascii_hide_no_cookie() {
        let line = |bytes| HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_bytes(bytes).expect("a value"))]);
        let cookie = cookie("http://127.0.0.1");

        let beside = cookie.find(&line(b"theme=\xff; aside_session=t0k"));
        let itself = cookie.find(&line(b"aside_session=\xc3\xa9\xff"));

        assert!(matches!(beside, FoundCookie::One(token) if token.expose_secret() == "t0k"));
        assert!(matches!(itself, FoundCookie::One(_)));
    }

    #[test]
    fn two_values_are_ambiguous_and_the_other_name_is_not_ours() {
        let cookie = cookie("http://127.0.0.1");

        let two = cookie.find(&request(&["aside_session=a; aside_session=b"]));
        let other = cookie.find(&request(&["__Host-aside_session=a"]));

        assert!(matches!(two, FoundCookie::Ambiguous));
        assert!(matches!(other, FoundCookie::None));
    }
}
