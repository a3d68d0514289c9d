//! HEAD wherever GET, `OPTIONS` anywhere, 405 with `Allow` for the rest.

use std::collections::BTreeMap;

use reqwest::{Method, Response, StatusCode};

use super::{
    answers::{field, problem},
    service::Service,
};
use crate::api::{Api, SignedIn};

/// Fields that differ from one answer to the next, and the framing of a body that HEAD does not have.
const PASSING: [&str; 5] = ["date", "x-request-id", "server-timing", "cache-status", "transfer-encoding"];

async fn paths(ada: &SignedIn) -> Vec<(String, &'static str)> {
    let post = ada.post(&"long enough to be compressed ".repeat(60)).await;
    let user = format!("/users/{}", ada.id);
    vec![
        ("/users".to_owned(), "GET, HEAD, POST, OPTIONS"),
        ("/users/me".to_owned(), "GET, HEAD, OPTIONS"),
        (format!("{user}/posts"), "GET, HEAD, OPTIONS"),
        (format!("{user}/followers"), "GET, HEAD, OPTIONS"),
        (format!("{user}/following"), "GET, HEAD, OPTIONS"),
        ("/sessions".to_owned(), "GET, HEAD, POST, DELETE, OPTIONS"),
        ("/home".to_owned(), "GET, HEAD, OPTIONS"),
        ("/openapi.json".to_owned(), "GET, HEAD, OPTIONS"),
        ("/docs".to_owned(), "GET, HEAD, OPTIONS"),
        ("/problems/not-found".to_owned(), "GET, HEAD, OPTIONS"),
        (format!("/posts/{post}"), "GET, HEAD, PATCH, DELETE, OPTIONS"),
        (user, "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("/posts".to_owned(), "POST, OPTIONS"),
        ("/sessions/current".to_owned(), "DELETE, OPTIONS"),
        (format!("/users/{}/follow", ada.id), "PUT, DELETE, OPTIONS"),
    ]
}

async fn ask(api: &Api, method: &str, path: &str, encoding: &str) -> Response {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    api.request(method, path).header("Accept-Encoding", encoding).send().await.expect("an answer")
}

fn sorted(methods: &str) -> Vec<&str> {
    let mut methods: Vec<_> = methods.split(", ").collect();
    methods.sort_unstable();
    methods
}

fn lasting_fields(response: &Response) -> BTreeMap<String, String> {
    let fields =
        response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()));
    fields.filter(|(name, _)| !PASSING.contains(&name.as_str())).collect()
}

#[tokio::test]
async fn head_answers_the_fields_of_get_without_its_body() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    for (path, allowed) in paths(&ada).await {
        if !allowed.contains("GET") {
            continue;
        }
        for encoding in ["identity", "gzip", "br"] {
            let got = ask(&ada.api, "GET", &path, encoding).await;
            let head = ask(&ada.api, "HEAD", &path, encoding).await;

            assert_eq!((got.status(), head.status()), (StatusCode::OK, StatusCode::OK), "{path}");
            assert_eq!(lasting_fields(&head), lasting_fields(&got), "{path} {encoding}");
            assert!(head.bytes().await.expect("a body").is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn options_lists_the_methods_and_others_are_405_with_the_same_list() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    for (path, allowed) in paths(&ada).await {
        let options = ask(&application.api(), "OPTIONS", &path, "identity").await;

        assert_eq!(options.status(), StatusCode::NO_CONTENT, "{path}");
        assert_eq!(sorted(field(&options, "allow")), sorted(allowed), "{path}");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
            if allowed.contains(method) {
                continue;
            }
            let refused = ask(&ada.api, method, &path, "identity").await;
            assert_eq!(sorted(field(&refused, "allow")), sorted(allowed), "{method} {path}");
            problem(refused, 405, "method-not-allowed").await;
        }
    }
}

#[tokio::test]
async fn the_root_leads_to_the_documentation() {
    let application = Service::start().await;

    for method in ["GET", "HEAD"] {
        let answer = ask(&application.api(), method, "/", "identity").await;
        assert_eq!((answer.status().as_u16(), field(&answer, "location")), (307, "/docs"), "{method}");
    }
    problem(ask(&application.api(), "POST", "/", "identity").await, 405, "method-not-allowed").await;
}

#[tokio::test]
async fn where_nothing_is_every_method_is_404() {
    let application = Service::start().await;

    for path in ["/nothing", "/users/", "/Users", "//users", "/home/x", "/metrics", "/livez", "/readyz"] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
            problem(ask(&application.api(), method, path, "identity").await, 404, "unknown-path").await;
        }
    }
}
