//! Conditional requests (RFC 9110, 13): `If-Match` for writers, `If-None-Match` for readers, and responses with an `ETag`.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder, Required, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use super::problem::{Problem, ProblemKind};
use crate::domain::{Condition, ETag, EncodedJson};

/// `If-Match`, if it is there.
#[derive(Clone, Debug)]
pub(super) struct IfMatch(pub Option<Condition>);

/// `If-None-Match`, if it is there.
#[derive(Clone, Debug)]
pub(super) struct IfNoneMatch(Option<Condition>);

impl IfNoneMatch {
    /// The representation, or 304 when the client has it.
    #[must_use]
    pub(super) fn tagged<T>(&self, etag: ETag, json: EncodedJson<T>) -> Tagged<T> {
        if self.matches(&etag) {
            Tagged { status: StatusCode::NOT_MODIFIED, etag, json: None }
        } else {
            Tagged::new(StatusCode::OK, etag, json)
        }
    }

    /// Whether the client has the representation with this tag.
    #[must_use]
    pub(super) fn matches(&self, etag: &ETag) -> bool {
        self.0.as_ref().is_some_and(|condition| condition.matches_weak(etag))
    }
}

/// A representation of a `T` with its entity tag; without a body when the client has it.
#[derive(Debug)]
pub(super) struct Tagged<T> {
    status: StatusCode,
    etag: ETag,
    json: Option<EncodedJson<T>>,
}

impl<T> Tagged<T> {
    pub(super) fn new(status: StatusCode, etag: ETag, json: EncodedJson<T>) -> Self {
        Self { status, etag, json: Some(json) }
    }
}

impl<T> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = self.json.map_or_else(Response::default, EncodedJson::into_response);
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::ETAG, etag_value(&self.etag));
        response
    }
}

pub(super) fn etag_value(etag: &ETag) -> HeaderValue {
    HeaderValue::try_from(etag.to_string()).expect("digits, a dot and quotes")
}

fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Condition>, Problem> {
    Condition::parse(headers.get_all(name).iter().map(HeaderValue::as_bytes))
        .map_err(|error| Problem::new(ProblemKind::MalformedRequest).with_detail(format!("The field {name} {error}.")))
}

impl IntoParams for IfMatch {
    fn into_params(_default_place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(
            "If-Match",
            "The request is done only if one of these entity tags is current, else 412. `*` matches any.",
        )]
    }
}

impl IntoParams for IfNoneMatch {
    fn into_params(_default_place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(
            "If-None-Match",
            "The entity tags that the client has, or `*`. Answers 304 if one of them is current.",
        )]
    }
}

/// `*` or a list of entity tags. Without an example: `/docs` would send it.
const PATTERN: &str = r#"^(\*|(W/)?"[!#-~\u0080-\u00FF]*"([ \t]*,[ \t]*(W/)?"[!#-~\u0080-\u00FF]*")*)?$"#;

fn parameter(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).pattern(Some(PATTERN))))
        .build()
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        read(&parts.headers, &header::IF_MATCH).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        read(&parts.headers, &header::IF_NONE_MATCH).map(Self)
    }
}
