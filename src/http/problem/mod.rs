//! Errors as responses: RFC 9457 problem details.
//!
//! [`Problem`] is the one error type of handlers, extractors and middleware. Its public part ([`ProblemKind`], `detail`,
//! `errors`) is apart from its internal [`Cause`], which is an extension of the response: `middleware::trace` logs it once,
//! inside the span of the request.

mod document;
mod kind;

use std::{
    borrow::Cow,
    error::Error,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aside_limiter::Policy;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::encoded_json::HEADER_CAPACITY;
use crate::rate_limit;

pub use document::{InvalidPart, ProblemDocument};
pub use kind::ProblemKind;

/// The media type of every error.
pub(in crate::http) const CONTENT_TYPE: &str = "application/problem+json";

/// Room for most documents.
const USUAL_BYTES: usize = 512;

/// One document for each policy, computed once: a flood of refused requests gets the same bytes.
static REFUSALS: [(Policy, OnceLock<Vec<u8>>); 2] =
    [(rate_limit::ANONYMOUS, OnceLock::new()), (rate_limit::SIGNED_IN, OnceLock::new())];

/// The `WWW-Authenticate` of every 401.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"aside\"");

/// The default `Retry-After` of a 503.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An error on its way to a client.
#[derive(Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: Cow<'static, str>,
    errors: Vec<InvalidPart>,
    violated_policies: Vec<Policy>,
    retry_after: Option<Duration>,
    cause: Option<Cause>,
}

/// The internal cause of a problem: an extension of the response, never sent to clients.
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

    /// 422: these parts of the JSON body are invalid.
    #[must_use]
    pub fn invalid_body(errors: impl IntoIterator<Item = InvalidPart>) -> Self {
        Self { errors: errors.into_iter().collect(), ..Self::new(ProblemKind::InvalidBody) }
    }

    /// 400: this query parameter is invalid.
    #[must_use]
    pub fn invalid_query(parameter: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { errors: vec![InvalidPart::query(parameter, detail)], ..Self::new(ProblemKind::InvalidQuery) }
    }

    /// 500: an error that clients cannot cause.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ProblemKind::Internal).caused_by(cause)
    }

    /// 503: overloaded, or Postgres cannot be reached.
    #[must_use]
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ProblemKind::Unavailable).caused_by(cause)
    }

    /// 429: over the quota of these policies; worth another try after `retry_after`.
    #[must_use]
    pub fn quota_exceeded(violated_policies: Vec<Policy>, retry_after: Duration) -> Self {
        Self { violated_policies, retry_after: Some(retry_after), ..Self::new(ProblemKind::QuotaExceeded) }
    }

    /// Replaces the default `detail`. Clients read it: no internals, no secrets.
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

    /// Sets the internal cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Cause(Arc::from(cause.into())));
        self
    }

    /// The document as bytes, also for `io::parser_errors`.
    pub(in crate::http) fn into_json(self) -> Vec<u8> {
        let mut json = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut json, &ProblemDocument::from(self)).expect("strings and numbers always make JSON");
        json
    }

    /// The document. Refusals by one policy share their bytes.
    fn into_body(self) -> Bytes {
        let is_usual = self.errors.is_empty() && self.detail == self.kind.explanation();
        let known = REFUSALS.iter().find(|(policy, _)| is_usual && self.violated_policies[..] == [*policy]);
        match known {
            Some((_, document)) => Bytes::from_static(document.get_or_init(|| self.into_json())),
            None => self.into_json().into(),
        }
    }

    /// What kind of problem this is.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { kind, retry_after, .. } = self;
        let cause = self.cause.clone();
        let mut response = Response::new(self.into_body().into());
        *response.status_mut() = kind.status();

        let headers = response.headers_mut();
        headers.reserve(HEADER_CAPACITY);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
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

/// `Retry-After` in whole seconds, at least one. Rounded up: an early retry would be refused again.
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
    fn shared_documents_are_only_for_the_same_refusal() {
        let over = |policies: &[Policy]| Problem::quota_exceeded(policies.to_vec(), Duration::from_secs(1));
        let (one, other) = ([rate_limit::ANONYMOUS], [rate_limit::SIGNED_IN]);
        let both = [rate_limit::ANONYMOUS, rate_limit::SIGNED_IN];

        for _time in 0..2 {
            assert_eq!(over(&one).into_body(), over(&one).into_json());
            assert_eq!(over(&other).into_body(), over(&other).into_json());
            assert_eq!(over(&both).into_body(), over(&both).into_json());
            let detailed = || over(&one).with_detail("Something else.");
            assert_eq!(detailed().into_body(), detailed().into_json());
        }
    }

    #[test]
    fn the_cause_is_in_an_extension_and_not_in_the_body() {
        let response = Problem::internal("connection to 10.0.0.7 refused").into_response();

        let cause = response.extensions().get::<Cause>().map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("connection to 10.0.0.7 refused"));
        assert_eq!(response.extensions().get::<ProblemKind>(), Some(&ProblemKind::Internal));
    }
}
