//! What `DATABASE_URL` and `REDIS_URL` have in common: both may hold a password, so no complaint shows any part of them but
//! the name of a parameter.

use percent_encoding::percent_decode_str;
use url::Url;

/// A URL of one of these schemes, with `//` and without a fragment. A complaint continues a sentence that begins with the
/// variable's name.
pub(super) fn parse(text: &str, schemes: &[&str], example: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_authority());
    let url = url.ok_or_else(|| format!("cannot be used, expected {example}"))?;
    if url.fragment().is_some() {
        return Err("has a part after #, expected none; a # in a password is written %23".to_owned());
    }
    Ok(url)
}

/// Percent-decoded text of the URL.
pub(super) fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| "is not UTF-8 once it is percent-decoded, expected text".to_owned())
}

/// Complains about a parameter that is not known.
///
/// Its name is not shown where it may be the rest of a password with an unescaped `?` in it.
pub(super) fn unknown_parameter(url: &Url, name: &str, known: &str) -> String {
    let is_without_user = url.username().is_empty() && url.password().is_none();
    if is_without_user && url.query().is_some_and(|query| query.contains('@')) {
        return "has an @ after a ?, expected a ? in a password to be written %3F".to_owned();
    }
    format!("has the parameter {name:?}, which is not known here; expected {known}")
}

/// Complains about the value of a parameter, which is not shown.
pub(super) fn bad_parameter(name: &str, expected: &str) -> String {
    format!("has a parameter {name:?} that cannot be used, expected {expected}")
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
            assert_eq!(parsed(text), Err("cannot be used, expected an example".to_owned()), "{text}");
        }
    }

    #[test]
    fn a_password_with_an_unescaped_mark_is_not_shown() {
        for text in ["postgres://u:1#hush@h/d", "postgres://u:1?hush@h/d", "postgres://u:1?hush&more=1@h/d"] {
            let complaint = match parse(text, &["postgres"], "an example") {
                Ok(url) => unknown_parameter(&url, "hush", "nothing"),
                Err(complaint) => complaint,
            };

            assert!(!complaint.contains("hush"), "{complaint}");
        }
    }
}
