//! Recognises sign-ins. Their responses have neither of two parts that would inform an attacker: `Server-Timing` (the duration of
//! the hash reveals whether the name exists) and compression (the response holds a token, and the compressed length leaks it,
//! see BREACH).

use axum::extract::Request;
use http::Method;

pub(super) fn is_sign_in(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == "/sessions"
}
