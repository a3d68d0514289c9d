//! The problems of operations, for `#[utoipa::path(responses(…))]`: one type for each, with the name of its [`ProblemKind`].
//!
//! ```ignore
//! #[utoipa::path(get, path = "/posts/{id}", responses((status = 200, body = AuthoredPost), responses::NotFound))]
//! ```

use std::collections::BTreeMap;

use http::StatusCode;
use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

use super::response_headers::{self, RATE_LIMIT, RATE_LIMIT_POLICY, RETRY_AFTER, WWW_AUTHENTICATE};
use crate::http::problem::{self, Problem, ProblemDocument, ProblemKind};

/// The response component that stands for any problem.
const ANY: &str = "Problem";

macro_rules! documented {
    ($($kind:ident),+ $(,)?) => {$(
        #[doc = concat!("Answers [`ProblemKind::", stringify!($kind), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub struct $kind;

        impl IntoResponses for $kind {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([reference(ProblemKind::$kind)])
            }
        }
    )+};
}

documented!(WrongCredentials, NotAllowed, NotFound, NameTaken, InvalidBody);

/// The client has the current representation.
#[derive(Clone, Copy, Debug)]
pub struct NotModified;

impl IntoResponses for NotModified {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let response = ResponseBuilder::new().description("The client has the current representation");
        BTreeMap::from([("304".to_owned(), response.build().into())])
    }
}

/// The response of an operation for this kind: its status, and a reference to its component.
pub(super) fn reference(kind: ProblemKind) -> (String, RefOr<Response>) {
    (kind.status().as_str().to_owned(), Ref::from_response_name(format!("{kind:?}")).into())
}

/// The response of an operation for every other problem.
pub(super) fn any() -> (String, RefOr<Response>) {
    ("default".to_owned(), Ref::from_response_name(ANY).into())
}

/// The components that the types here refer to: one for each kind, with an example, and [`ANY`].
pub(super) fn components() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let kinds = ProblemKind::ALL.iter().map(|&kind| {
        let example = serde_json::to_value(ProblemDocument::from(Problem::new(kind))).ok();
        let mut response = response(kind.title(), example);
        response.headers.extend(headers(kind).iter().map(|&name| (name.to_owned(), response_headers::reference(name))));
        (format!("{kind:?}"), response.into())
    });
    kinds.chain([(ANY.to_owned(), response("Any other error", None).into())])
}

/// The headers that only problems of this kind have.
fn headers(kind: ProblemKind) -> &'static [&'static str] {
    match kind.status() {
        StatusCode::UNAUTHORIZED => &[WWW_AUTHENTICATE],
        StatusCode::TOO_MANY_REQUESTS => &[RATE_LIMIT, RATE_LIMIT_POLICY, RETRY_AFTER],
        StatusCode::SERVICE_UNAVAILABLE => &[RETRY_AFTER],
        _other => &[],
    }
}

fn response(description: &str, example: Option<serde_json::Value>) -> Response {
    let mut content = Content::new(Some(Ref::from_schema_name("Problem")));
    content.example = example;
    ResponseBuilder::new().description(description).content(problem::CONTENT_TYPE, content).build()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn documented_headers_of_a_problem_are_sent() {
        for &kind in ProblemKind::ALL {
            let problem = match kind {
                ProblemKind::QuotaExceeded => Problem::quota_exceeded([].into_iter().collect(), Duration::from_secs(1)),
                _other => Problem::new(kind),
            };

            let sent = problem.into_response();

            // The limiter adds its own to every response: tests/service/contract/openapi.rs.
            let of_problem = [RETRY_AFTER, WWW_AUTHENTICATE];
            for name in of_problem {
                assert_eq!(headers(kind).contains(&name), sent.headers().contains_key(name), "{kind:?} {name}");
            }
        }
    }
}
