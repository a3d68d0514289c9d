//! A problem as clients read it: the JSON document of RFC 9457, and its parts.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{Object, ObjectBuilder, Type},
};

use super::{Problem, ProblemKind};
use crate::rate_limit::Policy;

/// One part of a request that is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvalidPart {
    /// JSON pointer (RFC 6901) into the body; empty for the body as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "/username")]
    pointer: Option<String>,
    /// Name of a query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "limit")]
    parameter: Option<String>,
    /// What is wrong with it.
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
#[schema(as = Problem, title = "Problem", description = "RFC 9457 problem details.")]
pub struct ProblemDocument {
    /// One of the fixed list.
    #[schema(schema_with = type_schema)]
    r#type: &'static str,
    /// The kind of problem, in words.
    #[schema(value_type = String)]
    title: &'static str,
    /// The status code, again.
    status: u16,
    /// What happened this time.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// The parts of the request that are wrong (400 of queries, and 422).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<InvalidPart>,
    /// The policies whose quota is used up (429).
    #[serde(rename = "violated-policies", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    violated_policies: Vec<&'static str>,
}

/// The fixed list.
fn type_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("What kind of problem it is: one of this list."))
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
            violated_policies: problem.violated_policies.into_iter().map(Policy::as_str).collect(),
        }
    }
}
