//! Errors as clients see them: RFC 9457 problem details.
//!
//! [`Problem`] is the one error type of handlers, extractors and middleware. What clients are told ([`ProblemKind`],
//! `detail`, `errors`) and what only the operator may know (the [`Cause`]) are kept apart: the cause rides in an extension
//! of the response, and `middleware::trace` logs it once, inside the request's span.

use std::{borrow::Cow, error::Error, fmt, sync::Arc, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

pub use super::problem_kind::ProblemKind;

/// The media type of every error.
pub(super) const CONTENT_TYPE: &str = "application/problem+json";

/// What every 401 asks for.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"aside\"");

/// How long a client that met an overloaded or broken service should stay away, unless something better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An error on its way to a client.
#[derive(Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: Cow<'static, str>,
    errors: Vec<InvalidPart>,
    violated_policies: Vec<&'static str>,
    retry_after: Option<Duration>,
    cause: Option<Cause>,
}

/// One part of a request that is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvalidPart {
    /// JSON pointer (RFC 6901) into the body; empty for the body as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/username")]
    pointer: Option<String>,
    /// Name of a query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// The internal reason of a problem. Never shown to clients; rides in an extension of the response.
#[derive(Clone, Debug)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl fmt::Display for Cause {
    /// The whole chain of sources, outermost first.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(formatter, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl Problem {
    /// A problem of this kind, with its usual explanation.
    #[must_use]
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            kind,
            detail: Cow::Borrowed(kind.explanation()),
            errors: Vec::new(),
            violated_policies: Vec::new(),
            retry_after: (kind.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER),
            cause: None,
        }
    }

    /// 422: the body is JSON, but these parts of it are not what they must be.
    #[must_use]
    pub fn invalid_body(errors: impl IntoIterator<Item = InvalidPart>) -> Self {
        Self { errors: errors.into_iter().collect(), ..Self::new(ProblemKind::InvalidBody) }
    }

    /// 400: this query parameter is not what it must be.
    #[must_use]
    pub fn invalid_query(parameter: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { errors: vec![InvalidPart::query(parameter, detail)], ..Self::new(ProblemKind::InvalidQuery) }
    }

    /// 500: something that no client can cause.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ProblemKind::Internal).caused_by(cause)
    }

    /// 503: overloaded, or something behind us cannot be reached.
    #[must_use]
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ProblemKind::Unavailable).caused_by(cause)
    }

    /// 429: over the quota of these policies; worth another try after `retry_after`.
    #[must_use]
    pub fn quota_exceeded(violated_policies: Vec<&'static str>, retry_after: Duration) -> Self {
        Self { violated_policies, retry_after: Some(retry_after), ..Self::new(ProblemKind::QuotaExceeded) }
    }

    /// Says more than the kind's usual explanation. Clients read it: no internals, no secrets.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// When to try again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Keeps the internal reason for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Cause(Arc::from(cause.into())));
        self
    }

    /// What kind of problem this is.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
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
    #[schema(value_type = String, example = "/problems/name-taken")]
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

impl From<Problem> for ProblemDocument {
    fn from(problem: Problem) -> Self {
        Self {
            r#type: problem.kind.type_uri(),
            title: problem.kind.title(),
            status: problem.kind.status().as_u16(),
            detail: problem.detail,
            errors: problem.errors,
            violated_policies: problem.violated_policies,
        }
    }
}

impl Problem {
    /// The document as bytes; also for answers that no router makes (see `io::bare_answers`).
    pub(super) fn into_json(self) -> Vec<u8> {
        serde_json::to_vec(&ProblemDocument::from(self)).expect("strings and numbers always make JSON")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { kind, retry_after, .. } = self;
        let cause = self.cause.clone();
        let mut response = (kind.status(), [(header::CONTENT_TYPE, CONTENT_TYPE)], self.into_json()).into_response();

        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if kind.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(after) = retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(after).into());
        }
        if kind.ends_connection() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(kind);
        if let Some(cause) = cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

/// `Retry-After` counts whole seconds: rounded up, since to come back early is to be refused again; at least one.
fn whole_seconds(after: Duration) -> u64 {
    (after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_401_carries_the_challenge_and_every_problem_forbids_storing() {
        for &kind in ProblemKind::ALL {
            let response = Problem::new(kind).into_response();

            let challenged = response.headers().contains_key(header::WWW_AUTHENTICATE);
            assert_eq!(challenged, response.status() == StatusCode::UNAUTHORIZED, "{kind:?}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        }
    }

    #[test]
    fn retry_after_is_rounded_up_and_never_zero() {
        for (after, expected) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (59_500, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(after)), expected, "{after} ms");
        }
    }

    #[test]
    fn the_cause_stays_out_of_the_body_and_rides_in_an_extension() {
        let response = Problem::internal("connection to 10.0.0.7 refused").into_response();

        let cause = response.extensions().get::<Cause>().map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("connection to 10.0.0.7 refused"));
        assert_eq!(response.extensions().get::<ProblemKind>(), Some(&ProblemKind::Internal));
    }
}
