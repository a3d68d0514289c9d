//! Bodies that are no JSON, not the JSON that is wanted, or too much of it: 400, 422, 413, never 500.

use std::time::Duration;

use reqwest::{Method, Response};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    answers::{pointers, problem},
    service::Service,
};
use crate::api::SignedIn;

async fn post(ada: &SignedIn, body: impl Into<reqwest::Body>) -> Response {
    let request = ada.api.request(Method::POST, "/posts").header("Content-Type", "application/json");
    request.body(body).send().await.expect("an answer")
}

#[tokio::test]
async fn what_is_no_json_is_malformed() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let deep = "[".repeat(60_000);
    let bodies: [&[u8]; 16] = [
        b"",
        b" ",
        b"{",
        b"{\"body\":\"x\"",
        b"{'body':'x'}",
        b"{\"body\":\"x\",}",
        b"{\"body\":\"x\"}{}",
        b"{\"body\":\"x\"} trailing",
        b"{\"body\":\"a\nb\"}",
        b"\xef\xbb\xbf{\"body\":\"x\"}",
        b"{\"body\":\"\xff\"}",
        b"{\"body\":\"\\ud800\"}",
        b"{\"body\":\"\\udc00\\ud800\"}",
        b"{\"body\":\"\\x\"}",
        b"{\"body\":NaN}",
        deep.as_bytes(),
    ];

    for body in bodies {
        problem(post(&ada, body.to_vec()).await, 400, "malformed-json").await;
    }
}

#[tokio::test]
async fn json_that_is_not_wanted_names_its_place() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    for (body, pointer) in [
        ("{}", "/body"),
        ("null", ""),
        ("[]", ""),
        ("[\"x\"]", ""),
        ("\"x\"", ""),
        ("{\"body\":1}", "/body"),
        ("{\"body\":{\"a\":1}}", "/body"),
        ("{\"body\":\"x\",\"body\":\"x\"}", "/body"),
        ("{\"body\":\"x\",\"title\":\"x\"}", "/title"),
        ("{\"body\":\"x\",\"\":1}", "/"),
        ("{\"body\":\"\\u0000\"}", "/body"),
        ("{\"body\":null}", "/body"),
    ] {
        assert_eq!(pointers(post(&ada, body).await).await, [pointer], "{body}");
    }
}

#[tokio::test]
async fn more_than_a_body_may_have_is_refused() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let large = format!("{{\"body\":\"{}\"}}", "x".repeat(70_000));

    problem(post(&ada, large).await, 413, "body-too-large").await;
}

#[tokio::test]
async fn a_request_without_a_valid_token_is_refused_before_its_body() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let user = format!("PATCH /users/{}", ada.id);
    for request in ["POST /posts", "PATCH /posts/019ab3c0-0000-7000-8000-000000000000", &user] {
        for authorization in ["", "Authorization: Bearer made-up\r\n"] {
            for framing in ["Content-Length: 60000", "Transfer-Encoding: chunked"] {
                let head = format!(
                    "{request} HTTP/1.1\r\nHost: aside\r\n{authorization}Content-Type: application/json\r\n{framing}\r\n\r\n"
                );
                let mut connection = TcpStream::connect(application.public).await.expect("the replica listens");

                // No byte of the body follows.
                connection.write_all(head.as_bytes()).await.expect("it is open");
                let mut status = [0; 12];
                let answered = timeout(Duration::from_mins(1), connection.read_exact(&mut status)).await;

                answered.expect("it does not wait for the body").expect("an answer");
                assert_eq!(status, *b"HTTP/1.1 401", "{head}");
            }
        }
    }
}
