//! What every answer of a kind has to have, checked wherever one is met.

use reqwest::{Response, StatusCode, header};
use serde_json::Value;

/// A header field as text; empty if it is not there.
pub(super) fn field<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

/// The fields that a problem has, before its body is read.
pub(super) fn assert_problem_fields(response: &Response, about: &str) {
    assert_eq!(field(response, "content-type"), "application/problem+json", "{about}");
    assert_eq!(field(response, "cache-control"), "no-store", "{about}");
    let challenge = if response.status() == StatusCode::UNAUTHORIZED { "Bearer realm=\"aside\"" } else { "" };
    assert_eq!(field(response, header::WWW_AUTHENTICATE.as_str()), challenge, "{about}");
    let is_told_when = response.headers().contains_key(header::RETRY_AFTER);
    let is_to_wait = matches!(response.status().as_u16(), 429 | 503);
    assert_eq!(is_told_when, is_to_wait, "{about}: Retry-After");
}

/// A problem of this kind: its document.
pub(super) async fn problem(response: Response, status: u16, kind: &str) -> Value {
    let about = format!("{} {kind}", response.url());
    assert_eq!(response.status().as_u16(), status, "{about}");
    assert_problem_fields(&response, &about);
    let document: Value = response.json().await.expect("a problem is JSON");
    assert_eq!(document["type"], format!("/problems/{kind}"), "{about}");
    assert_eq!(document["status"], status, "{about}");
    assert!(document["title"].is_string() && document["detail"].is_string(), "{about}");
    document
}

/// 422: the pointers of what is wrong.
pub(super) async fn pointers(response: Response) -> Vec<String> {
    let document = problem(response, 422, "invalid-body").await;
    let errors = document["errors"].as_array().expect("the parts that are wrong");
    errors.iter().map(|error| error["pointer"].as_str().expect("a pointer").to_owned()).collect()
}

/// A success with a JSON body.
pub(super) async fn json(response: Response, status: u16) -> Value {
    assert_eq!(response.status().as_u16(), status, "{}", response.url());
    assert_eq!(field(&response, "content-type"), "application/json");
    response.json().await.expect("JSON")
}
