//! A problem as clients read it: the JSON document of RFC 9457, and its parts.

use std::borrow::Cow;

use aside_limiter::Policy;
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{Object, ObjectBuilder, Type},
};

use super::{Problem, ProblemKind};

/// One invalid part of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvalidPart {
    /// JSON pointer (RFC 6901) into the body; empty for the body as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "/username")]
    pointer: Option<String>,
    /// The name of the query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "limit")]
    parameter: Option<String>,
    /// Why it is invalid.
    detail: Cow<'static, str>,
}

impl InvalidPart {
    /// A place in the body.
    #[must_use]
    pub fn body(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, detail: detail.into() }
    }

    /// A query parameter.
    #[must_use]
    pub fn query(parameter: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { pointer: None, parameter: Some(parameter.into()), detail: detail.into() }
    }
}

/// The document that clients get.
///
/// Our own, since the `problem_details` crate keeps `type` as an `http::Uri`, which drops the fragment that IANA's URI of
/// an exceeded quota ends in.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem, title = "Problem", description = "An error, as RFC 9457 problem details.")]
pub struct ProblemDocument {
    /// The problem type, one of a fixed list.
    #[schema(schema_with = type_schema)]
    r#type: &'static str,
    /// The title of the problem type.
    #[schema(value_type = String)]
    title: &'static str,
    /// The HTTP status code.
    status: u16,
    /// An explanation of this occurrence.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// The invalid parts of the request: for an invalid query (400) or body (422).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<InvalidPart>,
    /// The rate-limit policies whose quota is exceeded (429).
    #[serde(rename = "violated-policies", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    violated_policies: Vec<&'static str>,
}

/// The fixed list.
fn type_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("The problem type, one of a fixed list. `GET /problems/{name}` describes each."))
        .enum_values(Some(ProblemKind::ALL.iter().map(|kind| kind.type_uri())))
        .build()
}

impl From<Problem> for ProblemDocument {
    fn from(problem: Problem) -> Self {
        Self {
            r#type: problem.kind.type_uri(),
            title: problem.kind.title(),
            status: problem.kind.status().as_u16(),
            detail: problem.detail,
            errors: problem.errors,
            violated_policies: problem.violated_policies.into_iter().map(Policy::name).collect(),
        }
    }
}
