//! Heads that are too large, malformed or without a target. Every refusal is a problem document.

use crate::service::{Service, head};

#[tokio::test]
async fn large_targets_and_heads_are_refused_with_their_problem() {
    let service = Service::start().await;
    let path = |bytes: usize| format!("GET /{}", "a".repeat(bytes));
    let field = |bytes: usize| format!("X-Large: {}", "a".repeat(bytes));
    let fields = |count: usize| (0..count).map(|at| format!("X-{at}: a")).collect::<Vec<_>>();

    service.ask(&path(8 * 1024 - 1), &[]).await.assert_problem(404, "unknown-path");
    service.ask(&path(8 * 1024), &[]).await.assert_problem(414, "uri-too-long");
    service.ask(&path(60_000), &[]).await.assert_problem(414, "uri-too-long");

    assert_eq!(service.ask("GET /", &[&field(16_000)]).await.status, 200);
    service.ask("GET /", &[&field(16 * 1024)]).await.assert_problem(431, "head-too-large");
    // hyper refuses these.
    service.ask("GET /", &[&field(200_000)]).await.assert_problem(431, "head-too-large");
    service.ask(&path(200_000), &[]).await.assert_problem(431, "head-too-large");

    let (most, more) = (fields(99), fields(100));
    assert_eq!(service.ask("GET /", &most.iter().map(String::as_str).collect::<Vec<_>>()).await.status, 200);
    let more = service.ask("GET /", &more.iter().map(String::as_str).collect::<Vec<_>>()).await;
    more.assert_problem(431, "head-too-large");
}

#[tokio::test]
async fn a_refusal_ends_the_connection_and_reaches_a_client_that_is_still_sending() {
    let service = Service::start().await;
    let mut client = service.connect().await;

    // Half of it stays unread: an immediate close would reset the connection and lose the response.
    client.send(format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(1_000_000))).await;

    let answer = client.answer().await;
    answer.assert_problem(431, "head-too-large");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_request_needs_one_host() {
    let service = Service::start().await;
    for (fields, status) in [
        ("", 400),
        ("Host: a\r\nHost: a\r\n", 400),
        ("Host: a\r\nHost: b\r\n", 400),
        ("Host:\r\n", 400),
        ("Host: a b\r\n", 400),
        ("Host: a/b\r\n", 400),
        ("Host: u@a\r\n", 400),
        ("Host: a:99999\r\n", 400),
        ("Host: a\r\n", 200),
        ("Host: [::1]:8080\r\n", 200),
    ] {
        let mut client = service.connect().await;

        client.send(format!("GET / HTTP/1.1\r\n{fields}\r\n")).await;

        let answer = client.answer().await;
        if status == 200 {
            assert_eq!(answer.status, 200, "{fields}");
        } else {
            answer.assert_problem(status, "malformed-request");
            assert_eq!(answer.header("connection"), Some("close"), "{fields}");
            assert!(client.is_closed().await, "{fields}");
        }
    }
}

#[tokio::test]
async fn text_that_is_not_http_is_refused_with_a_problem() {
    let service = Service::start().await;
    for request in [
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n",
        "POST /echo HTTP/1.0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let mut client = service.connect().await;

        client.send(request).await;

        client.answer().await.assert_problem(400, "malformed-request");
        assert!(client.is_closed().await, "{request}");
    }
}

/// A body that is a request for a server that obeys the other field.
const SMUGGLED: &str = "0\r\n\r\nGET /list?limit=3 HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn an_ambiguous_request_is_refused_and_smuggles_nothing() {
    let service = Service::start().await;
    let first = head("GET /", &[]);
    for fields in [
        "Content-Length: 48\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 48",
        "content-length:48\r\nX: y\r\ntransfer-encoding:Chunked",
        "Content-Length: 48\nTransfer-Encoding: chunked",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Content-Length: 48\r\nContent-Length: 5",
        "Content-Length: 48\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding:\r\n chunked",
        "Content-Length: 48\r\n Transfer-Encoding: chunked",
    ] {
        let ambiguous = format!("POST /sessions HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{SMUGGLED}");
        // Alone, behind a good request, and byte by byte.
        for (good, whole) in [("", true), (first.as_str(), true), ("", false)] {
            let mut client = service.connect().await;

            if whole {
                client.send([good, &ambiguous].concat()).await;
            } else {
                for byte in ambiguous.as_bytes() {
                    let _refused_already = client.try_send([*byte]).await;
                }
            }

            if !good.is_empty() {
                assert_eq!(client.answer().await.status, 200, "{fields}");
            }
            let refusal = client.answer().await;
            refusal.assert_problem(400, "malformed-request");
            assert_eq!(refusal.header("connection"), Some("close"), "{fields}");
            assert!(client.is_closed().await, "{fields}");
        }
    }
}

#[tokio::test]
async fn a_parser_error_after_a_response_is_a_problem_too() {
    let service = Service::start().await;
    let mut client = service.connect().await;

    client.send([&head("GET /", &[]), "nonsense\r\n\r\n"].concat()).await;

    assert_eq!(client.answer().await.text(), "hello");
    client.answer().await.assert_problem(400, "malformed-request");
}

#[tokio::test]
async fn every_form_of_target_is_handled() {
    let service = Service::start().await;

    assert_eq!(service.ask("GET http://aside/list?limit=3", &[]).await.json()["limit"], 3);
    assert_eq!(service.ask("GET http://aside", &[]).await.text(), "hello");
    let options = service.ask("OPTIONS *", &[]).await;
    assert_eq!(options.status, 204);
    assert_eq!(options.header("allow"), Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    service.ask("GET *", &[]).await.assert_problem(400, "malformed-request");
    service.ask("CONNECT aside:80", &[]).await.assert_problem(405, "method-not-allowed");
    service.ask("GET nothing", &[]).await.assert_problem(400, "malformed-request");
}

#[tokio::test]
async fn methods_are_listed() {
    let service = Service::start().await;
    for (request, status, allow) in [
        ("OPTIONS /things/x", 204, "GET, HEAD, PUT, OPTIONS"),
        ("OPTIONS /echo", 204, "POST, PATCH, OPTIONS"),
        ("DELETE /things/x", 405, "GET, HEAD, PUT, OPTIONS"),
        ("TRACE /echo", 405, "POST, PATCH, OPTIONS"),
        ("BREW /echo", 405, "POST, PATCH, OPTIONS"),
    ] {
        let answer = service.ask(request, &[]).await;

        assert_eq!(answer.status, status, "{request}");
        assert_eq!(answer.header("allow"), Some(allow), "{request}");
        if status == 405 {
            answer.assert_problem(405, "method-not-allowed");
        }
    }
    service.ask("OPTIONS /nothing", &[]).await.assert_problem(404, "unknown-path");
    assert_eq!(service.ask("HEAD /", &[]).await.header("content-length"), Some("5"));
    let nothing = service.ask("HEAD /nothing", &[]).await;
    assert_eq!((nothing.status, nothing.header("content-type")), (404, Some("application/problem+json")));
    let metrics = service.metrics.encode();
    assert!(metrics.contains(r#"method="other",route="/echo",status="405""#), "{metrics}");
    assert!(metrics.contains(r#"method="OPTIONS",route="unmatched",status="404""#), "{metrics}");
}
