//! Bodies that are too large, too late, malformed or invalid.

use std::time::Duration;

use tokio::time::interval;

use crate::service::{Service, head};

const JSON: &str = "Content-Type: application/json";
const CHUNKED: &str = "Transfer-Encoding: chunked";

#[tokio::test]
async fn a_body_with_too_large_a_length_is_refused_while_it_is_sent() {
    let service = Service::start().await;
    let mut client = service.connect().await;

    client.send(head("POST /echo", &[JSON, "Content-Length: 8000000"])).await;
    client.send(vec![b' '; 8_000_000]).await;

    client.answer().await.assert_problem(413, "body-too-large");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn expect_100_continue_is_refused_before_a_body_that_is_too_large() {
    let service = Service::start().await;

    let refused = service.ask("POST /echo", &[JSON, "Expect: 100-continue", "Content-Length: 65537"]).await;
    let mut client = service.connect().await;
    client.send(head("POST /echo", &[JSON, "Expect: 100-continue", "Content-Length: 12"])).await;
    let welcome = client.answer_without_body().await;
    client.send(r#"{"name":"x"}"#).await;

    refused.assert_problem(413, "body-too-large");
    assert_eq!(welcome.status, 100);
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_body_of_64_kib_passes_and_one_byte_more_is_refused() {
    let service = Service::start().await;
    let padded = |bytes: usize| format!("{}{}", r#"{"name":"x"}"#, " ".repeat(bytes - 12));

    assert_eq!(service.post(padded(65_536), "application/json").await.status, 200);
    service.post(padded(65_537), "application/json").await.assert_problem(413, "body-too-large");
}

#[tokio::test]
async fn a_streamed_body_is_refused_once_it_is_too_large() {
    let service = Service::start().await;
    let mut client = service.connect().await;

    client.send(head("POST /echo", &[JSON, CHUNKED])).await;
    for _ in 0..100 {
        client.send(format!("400\r\n{}\r\n", " ".repeat(1024))).await;
    }

    client.answer().await.assert_problem(413, "body-too-large");
}

#[tokio::test]
async fn a_slow_body_has_one_deadline() {
    let service = Service::with(|config| config.body_timeout = Duration::from_millis(200)).await;
    let mut client = service.connect().await;
    client.send(head("POST /echo", &[JSON, CHUNKED])).await;
    let mut beat = interval(Duration::from_millis(10));

    let mut trickle = service.connect().await;
    trickle.send(head("POST /echo", &[JSON, "Content-Length: 60000"])).await;
    let answer = async {
        loop {
            beat.tick().await;
            if trickle.try_send(" ").await.is_err() {
                break;
            }
        }
    };

    // One client sends nothing, the other a byte from time to time.
    client.answer().await.assert_problem(408, "body-timeout");
    crate::client::soon(answer).await;
}

#[tokio::test]
async fn a_body_that_ends_early_or_breaks_the_framing_is_malformed() {
    let service = Service::start().await;

    let mut short = service.connect().await;
    short.send(head("POST /echo", &[JSON, "Content-Length: 10"])).await;
    short.send("{").await;
    short.half_close().await;
    short.answer().await.assert_problem(400, "malformed-request");

    let mut broken = service.connect().await;
    broken.send(head("POST /echo", &[JSON, CHUNKED])).await;
    broken.send("nonsense\r\n").await;
    broken.answer().await.assert_problem(400, "malformed-request");
}

#[tokio::test]
async fn json_errors_name_the_place_and_the_reason() {
    let service = Service::start().await;
    for (body, status, name, pointer) in [
        (r#"{"name":"x","count":3}"#, 200, "", ""),
        ("", 400, "malformed-json", ""),
        ("{", 400, "malformed-json", ""),
        (r#"{"name":"x"}}"#, 400, "malformed-json", ""),
        ("\u{feff}{}", 400, "malformed-json", ""),
        (r#"{"name":"\ud800"}"#, 400, "malformed-json", ""),
        ("[]", 422, "invalid-body", ""),
        ("{}", 422, "invalid-body", "/name"),
        (r#"{"name":7}"#, 422, "invalid-body", "/name"),
        (r#"{"name":"x","count":"7"}"#, 422, "invalid-body", "/count"),
        (r#"{"name":"x","name":"y"}"#, 422, "invalid-body", "/name"),
        (r#"{"name":"x","a/b":1}"#, 422, "invalid-body", "/a~1b"),
    ] {
        let answer = service.post(body, "application/json; charset=utf-8").await;

        if status == 200 {
            assert_eq!(answer.json()["count"], 3);
            continue;
        }
        answer.assert_problem(status, name);
        if status == 422 {
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
        }
    }
    let answer = service.post("{\n  \"name\": oops}", "application/json").await;
    assert_eq!(answer.json()["detail"], "Expected value at line 2 column 11.");
}

#[tokio::test]
async fn a_body_must_be_declared_as_json() {
    let service = Service::start().await;

    service.post("{}", "text/plain").await.assert_problem(415, "unsupported-media-type");
    service.post("{}", "application/merge-patch+json").await.assert_problem(415, "unsupported-media-type");
    service.ask("POST /echo", &["Content-Length: 0"]).await.assert_problem(415, "unsupported-media-type");
    let patch = service.ask("PATCH /echo", &["Content-Type: application/merge-patch+json"]).await;
    patch.assert_problem(400, "malformed-json");
}
