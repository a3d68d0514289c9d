//! Which request is a sign-in. It goes without two things that would tell an attacker too much: `Server-Timing` (how long
//! the password's hash took, and so whether the name exists) and compression (the answer holds a token, and the length of
//! what is compressed with it leaks, see BREACH).

use axum::extract::Request;
use http::Method;

pub(super) fn is_sign_in(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == "/sessions"
}
