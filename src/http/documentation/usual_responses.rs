//! Responses and response headers that follow from the kind of an operation, so that handlers need not list them.
//!
//! | an operation that … | may answer with |
//! |---|---|
//! | reads credentials | 401, and 403 for a cross-site request to change something |
//! | has query parameters | 400 |
//! | has a body | 400, 413, 415, 422 |
//! | has a condition | 400, and 412 for `If-Match`; an `ETag` with 200 and 304 |
//! | creates something with a path | an `ETag` beside the `Location` |
//! | names something by id | 404 |
//! | has `Cache-Status` on its 200 | `Cache-Status` on its 304 too |
//! | is charged to a rate limit: all but the documentation | 429, `RateLimit`, `RateLimit-Policy` |
//! | is not the sign-in | `Server-Timing` |
//! | exists | 503, and any other problem |
//!
//! A response that a handler documents wins: a status has one entry.

use utoipa::openapi::{
    OpenApi, RefOr,
    path::{HttpMethod, Operation, Parameter, ParameterIn},
    security::SecurityRequirement,
};

use super::{
    response_headers::{self, CACHE_STATUS, ETAG, RATE_LIMIT, RATE_LIMIT_POLICY, SERVER_TIMING},
    responses,
};
use crate::http::problem::ProblemKind::{
    self, BodyTooLarge, CrossSite, InvalidBody, InvalidQuery, InvalidToken, MalformedJson, MalformedRequest, NotFound,
    NotSignedIn, PreconditionFailed, QuotaExceeded, Unavailable, UnsupportedMediaType,
};

/// Adds them to all operations of a document.
pub(super) fn add_to_all(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                add_to(operation, path, &method);
            }
        }
    }
}

fn add_to(operation: &mut Operation, path: &str, method: &HttpMethod) {
    add_of_credentials(operation, method);
    if operation.request_body.is_some() {
        add(operation, &[MalformedJson, BodyTooLarge, UnsupportedMediaType, InvalidBody]);
    }
    if has_parameter(operation, |parameter| parameter.parameter_in == ParameterIn::Query) {
        add(operation, &[InvalidQuery]);
    }
    if has_parameter(operation, |parameter| parameter.name == "If-Match") {
        add(operation, &[PreconditionFailed]);
    }
    if has_parameter(operation, |parameter| parameter.parameter_in == ParameterIn::Header) {
        add(operation, &[MalformedRequest]);
    }
    if has_parameter(operation, |parameter| parameter.name == "id") {
        add(operation, &[NotFound]);
    }
    add_headers(operation, path, method);
    if is_charged(operation) {
        add(operation, &[QuotaExceeded]);
    }
    add(operation, &[Unavailable]);
    let (status, response) = responses::any();
    operation.responses.responses.entry(status).or_insert(response);
}

fn add_of_credentials(operation: &mut Operation, method: &HttpMethod) {
    let ways = operation.security.as_deref().unwrap_or_default();
    let anonymous = SecurityRequirement::default();
    if ways.iter().all(|way| *way == anonymous) {
        return;
    }
    if ways.contains(&anonymous) {
        add(operation, &[InvalidToken]);
    } else {
        add(operation, &[NotSignedIn]);
    }
    if *method != HttpMethod::Get {
        add(operation, &[CrossSite]);
    }
}

/// The headers of all responses except problems.
fn add_headers(operation: &mut Operation, path: &str, method: &HttpMethod) {
    let has_condition = has_parameter(operation, |parameter| parameter.name == "If-None-Match");
    let updates = *method == HttpMethod::Patch;
    let is_charged = is_charged(operation);
    // The duration of a sign-in would reveal whether the username exists.
    let is_timed = (method, path) != (&HttpMethod::Post, "/sessions");
    let responses = &mut operation.responses.responses;
    let reports_cache = matches!(responses.get("200"), Some(RefOr::T(ok)) if ok.headers.contains_key(CACHE_STATUS));
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        let is_representation = match status.as_str() {
            "200" => has_condition || updates,
            "201" => response.headers.contains_key("Location"),
            status => status == "304",
        };
        let headers = [
            (CACHE_STATUS, reports_cache),
            (ETAG, is_representation),
            (RATE_LIMIT, is_charged),
            (RATE_LIMIT_POLICY, is_charged),
            (SERVER_TIMING, is_timed),
        ];
        for (name, _) in headers.into_iter().filter(|(_, is_sent)| *is_sent) {
            response.headers.insert(name.to_owned(), response_headers::reference(name));
        }
    }
}

/// Requests for the documentation are not charged.
fn is_charged(operation: &Operation) -> bool {
    !operation.tags.iter().flatten().any(|tag| tag == "documentation")
}

fn has_parameter(operation: &Operation, is_wanted: impl Fn(&Parameter) -> bool) -> bool {
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    parameters.iter().any(|parameter| matches!(parameter, RefOr::T(parameter) if is_wanted(parameter)))
}

fn add(operation: &mut Operation, kinds: &[ProblemKind]) {
    for (status, response) in kinds.iter().map(|kind| responses::reference(*kind)) {
        operation.responses.responses.entry(status).or_insert(response);
    }
}
