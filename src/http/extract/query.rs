//! Query parameters. An unknown, repeated or bad one is 400 with its name: if a misspelt `limit` were ignored, its author would
//! not notice.

use std::collections::HashSet;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::serde_error::BadValue;
use crate::http::problem::Problem;

/// The query. `T` is a struct of optional members with `#[serde(deny_unknown_fields)]`.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut seen = HashSet::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        // Escapes that are not UTF-8 decode to this character, and no valid parameter has it.
        if name.contains(char::REPLACEMENT_CHARACTER) || value.contains(char::REPLACEMENT_CHARACTER) {
            return Err(Problem::invalid_query(name, "is not UTF-8"));
        }
        if let Some(name) = seen.replace(name) {
            return Err(Problem::invalid_query(name, "is there more than once"));
        }
    }

    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let bad = BadValue::new(error.path(), &error.inner().to_string());
        Problem::invalid_query(bad.path.join("."), bad.detail)
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::http::problem::ProblemDocument;

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    struct Page {
        limit: Option<u8>,
        cursor: Option<String>,
    }

    fn refused(query: &str) -> serde_json::Value {
        let problem = parse::<Page>(query).expect_err("a bad query");
        serde_json::to_value(ProblemDocument::from(problem)).expect("JSON")["errors"][0].clone()
    }

    #[test]
    fn a_good_query_is_read() {
        let page: Page = parse("limit=20&cursor=a%2Fb").expect("a good query");

        assert_eq!(page, Page { limit: Some(20), cursor: Some("a/b".to_owned()) });
        assert_eq!(parse::<Page>("").expect("no query"), Page { limit: None, cursor: None });
    }

    #[test]
    fn a_bad_parameter_is_named() {
        for (query, parameter, detail) in [
            ("limit=x", "limit", "invalid digit found in string"),
            ("limit=", "limit", "cannot parse integer from empty string"),
            ("limit=-1", "limit", "invalid digit found in string"),
            ("limit=300", "limit", "number too large to fit in target type"),
            ("limit=1&limit=1", "limit", "is there more than once"),
            ("other=1", "other", "is not known here"),
            ("=1", "", "is not known here"),
            ("cursor=%FF", "cursor", "is not UTF-8"),
        ] {
            let error = refused(query);

            assert_eq!(error["parameter"], parameter, "{query}");
            assert_eq!(error["detail"], detail, "{query}");
        }
    }
}
