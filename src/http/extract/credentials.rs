//! The session token of a request, not yet verified.
//!
//! The `Authorization` field wins over the cookie, also when it is bad: explicit credentials are never replaced by those that
//! a browser attaches.

use http::{HeaderMap, header};
use secrecy::SecretString;

use crate::http::{
    cookie::{FoundCookie, SessionCookie},
    problem::{Problem, ProblemKind},
};

/// A token, and where it stands in the request.
#[derive(Debug)]
pub enum Credentials {
    /// `Authorization: Bearer`.
    Bearer(SecretString),
    /// The session cookie.
    Cookie(SecretString),
}

impl Credentials {
    /// The token, of either kind.
    #[must_use]
    pub fn token(&self) -> &SecretString {
        match self {
            Self::Bearer(token) | Self::Cookie(token) => token,
        }
    }

    /// The credentials of a request; `None` only if there are none at all.
    pub fn find(headers: &HeaderMap, cookie: SessionCookie) -> Result<Option<Self>, Problem> {
        let mut fields = headers.get_all(header::AUTHORIZATION).iter();
        if let Some(field) = fields.next() {
            // Only lists may be repeated (RFC 9110, 5.3).
            if fields.next().is_some() {
                let detail = "The request has more than one Authorization field.";
                return Err(Problem::new(ProblemKind::MalformedRequest).with_detail(detail));
            }
            let token = field.to_str().ok().and_then(bearer).ok_or_else(invalid)?;
            return Ok(Some(Self::Bearer(token.into())));
        }
        match cookie.find(headers) {
            FoundCookie::None => Ok(None),
            FoundCookie::One(token) => Ok(Some(Self::Cookie(token))),
            FoundCookie::Ambiguous => Err(invalid()),
        }
    }
}

fn invalid() -> Problem {
    Problem::new(ProblemKind::InvalidToken)
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(field: &str) -> Option<&str> {
    let (scheme, token) = field.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use secrecy::ExposeSecret;
    use url::Url;

    use super::*;

    /// What is found, in a word: `bearer t`, `cookie t`, `none`, or the kind of problem.
    fn find(lines: &[(HeaderName, &'static str)]) -> String {
        let cookie = SessionCookie::for_url(&Url::parse("http://127.0.0.1").expect("a URL"));
        let headers = lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        match Credentials::find(&headers, cookie) {
            Ok(None) => "none".to_owned(),
            Ok(Some(Credentials::Bearer(token))) => format!("bearer {}", token.expose_secret()),
            Ok(Some(Credentials::Cookie(token))) => format!("cookie {}", token.expose_secret()),
            Err(problem) => format!("{:?}", problem.kind()),
        }
    }

    #[test]
    fn the_header_wins_and_is_never_ignored() {
        let (auth, cookie) = (header::AUTHORIZATION, header::COOKIE);
        for (lines, expected) in [
            (vec![], "none"),
            (vec![(auth.clone(), "Bearer t")], "bearer t"),
            (vec![(auth.clone(), "bEARER   t ")], "bearer t"),
            (vec![(cookie.clone(), "aside_session=c")], "cookie c"),
            (vec![(auth.clone(), "Bearer t"), (cookie.clone(), "aside_session=c")], "bearer t"),
            (vec![(auth.clone(), "Bearer"), (cookie.clone(), "aside_session=c")], "InvalidToken"),
            (vec![(auth.clone(), "Bearer "), (cookie.clone(), "aside_session=c")], "InvalidToken"),
            (vec![(auth.clone(), "Basic dTpw"), (cookie.clone(), "aside_session=c")], "InvalidToken"),
            (vec![(auth.clone(), "")], "InvalidToken"),
            (vec![(auth.clone(), "Bearer a"), (auth.clone(), "Bearer a")], "MalformedRequest"),
            (vec![(cookie.clone(), "aside_session=a; aside_session=b")], "InvalidToken"),
            (vec![(cookie.clone(), "__Host-aside_session=a")], "none"),
        ] {
            assert_eq!(find(&lines), expected, "{lines:?}");
        }
    }
}
