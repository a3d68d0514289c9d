//! Turns every error that is not a problem document into one. Also answers `OPTIONS`, out of the router's 405.

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header};

use crate::http::problem::{Problem, ProblemKind};

/// Whether a request asks for the methods of a resource.
pub(in crate::http) fn is_options(request: &Request) -> bool {
    request.method() == Method::OPTIONS
}

/// The response in its public form.
pub(in crate::http) fn complete(is_options: bool, response: Response) -> Response {
    let status = response.status();
    if is_options && status == StatusCode::METHOD_NOT_ALLOWED {
        return StatusCode::NO_CONTENT.into_response();
    }
    let is_error = status.is_client_error() || status.is_server_error();
    let is_problem = response.extensions().get::<ProblemKind>().is_some();
    if is_error && !is_problem { into_problem(response) } else { response }
}

/// Keeps the cause and the fields that do not describe the body (`Allow`, `Set-Cookie`, …).
fn into_problem(bare: Response) -> Response {
    let (mut parts, _text) = bare.into_parts();
    for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::CONTENT_ENCODING, header::ETAG] {
        parts.headers.remove(name);
    }
    let (problem, body) = Problem::new(ProblemKind::of_status(parts.status)).into_response().into_parts();
    parts.status = problem.status;
    parts.headers.extend(problem.headers);
    parts.extensions.extend(problem.extensions);
    Response::from_parts(parts, Body::new(body))
}
