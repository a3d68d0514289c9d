//! What the URLs of PostgreSQL and Redis have in common: both may hold a password, so no error shows any part of them but the
//! name of a parameter.

use percent_encoding::percent_decode_str;
use url::Url;

/// Why a URL cannot be used. The text continues a sentence that begins with the name of the setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(pub String);

impl InvalidUrl {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// A URL of one of these schemes, with `//` and without a fragment.
pub fn parse(text: &str, schemes: &[&str], example: &str) -> Result<Url, InvalidUrl> {
    let url = Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_authority());
    let url = url.ok_or_else(|| InvalidUrl::new(format!("cannot be used, expected {example}")))?;
    if url.fragment().is_some() {
        return Err(InvalidUrl::new("has a part after #, expected none; a # in a password is written %23"));
    }
    Ok(url)
}

/// Percent-decoded text of the URL.
pub fn decode(text: &str) -> Result<String, InvalidUrl> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| InvalidUrl::new("is not UTF-8 once it is percent-decoded, expected text"))
}

/// The error of a parameter that is not known.
///
/// Its name is not shown where it may be the rest of a password with an unescaped `?` in it.
#[must_use]
pub fn unknown_parameter(url: &Url, name: &str, known: &str) -> InvalidUrl {
    let is_without_user = url.username().is_empty() && url.password().is_none();
    if is_without_user && url.query().is_some_and(|query| query.contains('@')) {
        return InvalidUrl::new("has an @ after a ?, expected a ? in a password to be written %3F");
    }
    InvalidUrl(format!("has the parameter {name:?}, which is not known here; expected {known}"))
}

/// The error of a parameter's value, which is not shown.
#[must_use]
pub fn bad_parameter(name: &str, expected: &str) -> InvalidUrl {
    InvalidUrl(format!("has a parameter {name:?} that cannot be used, expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_a_url_of_its_scheme() {
        let parsed = |text| parse(text, &["postgres", "postgresql"], "an example").map(|_| ());

        for text in
            ["postgres://localhost/aside", "postgresql://u:p@h:5433/d?sslmode=require", "postgres:///d?host=/run/pg"]
        {
            assert_eq!(parsed(text), Ok(()), "{text}");
        }
        for text in ["", "localhost", "mysql://localhost/aside", "postgres:aside", "postgres://h:99999/d"] {
            assert_eq!(parsed(text), Err(InvalidUrl::new("cannot be used, expected an example")), "{text}");
        }
    }

    #[test]
    fn a_password_with_an_unescaped_mark_is_not_shown() {
        for text in ["postgres://u:1#hush@h/d", "postgres://u:1?hush@h/d", "postgres://u:1?hush&more=1@h/d"] {
            let error = match parse(text, &["postgres"], "an example") {
                Ok(url) => unknown_parameter(&url, "hush", "nothing"),
                Err(error) => error,
            };

            assert!(!error.0.contains("hush"), "{error}");
        }
    }
}
