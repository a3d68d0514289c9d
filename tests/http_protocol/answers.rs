//! What every response has: problems, ids, caching, coding, CORS.

use std::{io::Read, time::Duration};

use crate::service::Service;

#[tokio::test]
async fn every_error_is_a_problem() {
    let service = Service::with(|config| config.request_timeout = Duration::from_millis(50)).await;

    service.ask("GET /nothing", &[]).await.assert_problem(404, "unknown-path");
    service.ask("GET /things/7", &[]).await.assert_problem(404, "not-found");
    service.ask("GET /things/%FF", &[]).await.assert_problem(404, "not-found");
    service.ask("GET /status/415", &[]).await.assert_problem(415, "unsupported-media-type");
    service.ask("GET /status/500", &[]).await.assert_problem(500, "internal");
    service.ask("GET /status/502", &[]).await.assert_problem(500, "internal");
    service.ask("GET /panic", &[]).await.assert_problem(500, "internal");
    let broken = service.ask("GET /broken", &[]).await;
    broken.assert_problem(500, "internal");
    assert!(!broken.text().contains("hunter2"));
    let late = service.ask("GET /never", &[]).await;
    late.assert_problem(503, "unavailable");
    assert_eq!(late.header("retry-after"), Some("1"));
    let query = service.ask("GET /list?limit=x", &[]).await;
    query.assert_problem(400, "invalid-query");
    assert_eq!(query.json()["errors"][0]["parameter"], "limit");
    let anonymous = service.ask("GET /me", &[]).await;
    anonymous.assert_problem(401, "not-signed-in");
    assert_eq!(anonymous.header("www-authenticate"), Some("Bearer realm=\"aside\""));
}

#[tokio::test]
async fn a_well_formed_request_id_is_kept_and_any_other_replaced() {
    let service = Service::start().await;

    assert_eq!(service.ask("GET /", &["X-Request-Id: a-b_c.1"]).await.header("x-request-id"), Some("a-b_c.1"));
    let made = service.ask("GET /", &["X-Request-Id: a b"]).await;
    assert_eq!(made.header("x-request-id").map(str::len), Some(36));
}

#[tokio::test]
async fn responses_are_timed_and_counted_and_have_security_headers() {
    let service = Service::start().await;

    let answer = service.ask("GET /things/019ab3c0-0000-7000-8000-000000000000", &[]).await;

    assert_eq!(answer.status, 200);
    assert!(answer.header("server-timing").is_some_and(|value| value.starts_with("cache;dur=0.0, db;dur=0.0, total;")));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
    let counted = r#"http_requests_total{method="GET",route="/things/{id}",status="200"} 1"#;
    assert!(service.metrics.encode().contains(counted));
}

#[tokio::test]
async fn cache_control_and_vary_follow_the_credentials() {
    let service = Service::start().await;
    let policy = async |request: &str, field: &str| {
        let answer = service.ask(request, &[field]).await;
        let header = |name| answer.header(name).map(str::to_owned);
        (header("cache-control"), header("vary"))
    };
    let vary = Some("authorization, cookie, accept-encoding".to_owned());

    assert_eq!(policy("GET /", "X: y").await, (Some("public, no-cache".into()), vary.clone()));
    assert_eq!(policy("GET /", "Authorization: Bearer t").await, (Some("private, no-cache".into()), vary.clone()));
    assert_eq!(policy("GET /", "Cookie: aside_session=t").await, (Some("private, no-cache".into()), vary.clone()));
    assert_eq!(policy("GET /", "Cookie: other=t").await, (Some("public, no-cache".into()), vary.clone()));
    assert_eq!(policy("POST /sessions", "X: y").await, (Some("no-store".into()), vary));
}

#[tokio::test]
async fn a_compressed_response_has_its_own_tag() {
    let service = Service::start().await;

    let plain = service.ask("GET /tagged", &[]).await;
    let gzip = service.ask("GET /tagged", &["Accept-Encoding: gzip"]).await;
    let brotli = service.ask("GET /tagged", &["Accept-Encoding: gzip, br"]).await;
    let head = service.ask("HEAD /tagged", &["Accept-Encoding: gzip"]).await;
    let refusing = service.ask("GET /tagged", &["Accept-Encoding: identity;q=0, *;q=0"]).await;
    let small = service.ask("GET /", &["Accept-Encoding: gzip"]).await;

    assert_eq!((plain.header("etag"), plain.header("content-encoding")), (Some("\"7\""), None));
    assert_eq!((gzip.header("etag"), gzip.header("content-encoding")), (Some("\"7-gzip\""), Some("gzip")));
    assert_eq!((brotli.header("etag"), brotli.header("content-encoding")), (Some("\"7-br\""), Some("br")));
    assert_eq!(head.header("etag"), Some("\"7-gzip\""));
    assert_eq!((refusing.status, refusing.header("content-encoding")), (200, None));
    assert_eq!(small.header("content-encoding"), None);
    assert!(gzip.body.len() < plain.body.len());
    let mut start = [0; 2];
    gzip.body.as_slice().read_exact(&mut start).expect("a body");
    assert_eq!(start, [0x1f, 0x8b]);
}

#[tokio::test]
async fn a_304_has_the_tag_of_the_client() {
    let service = Service::start().await;
    for (fields, tag) in [
        (vec!["If-None-Match: \"7\""], "\"7\""),
        (vec!["If-None-Match: \"7\"", "Accept-Encoding: gzip"], "\"7\""),
        (vec!["If-None-Match: \"7-gzip\"", "Accept-Encoding: gzip"], "\"7-gzip\""),
        (vec!["If-None-Match: \"6\", W/\"7-br\"", "Accept-Encoding: br"], "\"7-br\""),
        (vec!["If-None-Match: \"7-gzip\""], "\"7\""),
    ] {
        let answer = service.ask("GET /tagged", &fields).await;

        assert_eq!((answer.status, answer.header("etag")), (304, Some(tag)), "{fields:?}");
    }
}

#[tokio::test]
async fn a_sign_in_is_neither_compressed_nor_timed() {
    let service = Service::start().await;

    let answer = service.ask("POST /sessions", &["Accept-Encoding: gzip"]).await;

    assert_eq!(answer.body.len(), 10_000);
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.header("server-timing"), None);
}

#[tokio::test]
async fn without_allowed_origins_no_response_has_cors_fields() {
    let service = Service::start().await;

    let answer = service.ask("GET /", &["Origin: https://app.example"]).await;
    let preflight =
        service.ask("OPTIONS /echo", &["Origin: https://app.example", "Access-Control-Request-Method: POST"]).await;

    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, None));
    assert!(!answer.header("vary").is_some_and(|vary| vary.contains("origin")));
}

#[tokio::test]
async fn allowed_origins_may_read_everything_without_credentials() {
    let service = Service::with(|config| config.cors_allowed_origins = vec!["https://app.example".into()]).await;
    let (ours, other) = ("Origin: https://app.example", "Origin: https://evil.example");
    let method = "Access-Control-Request-Method: PATCH";

    let preflight = service.ask("OPTIONS /echo", &[ours, method]).await;
    let elsewhere = service.ask("OPTIONS /echo", &[other, method]).await;
    let plain = service.ask("OPTIONS /echo", &[ours]).await;
    let error = service.ask("GET /nothing", &[ours]).await;
    let stranger = service.ask("GET /", &[other]).await;

    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(preflight.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PATCH")));
    assert!(preflight.header("access-control-allow-headers").is_some_and(|names| names.contains("authorization")));
    assert_eq!(preflight.header("access-control-allow-credentials"), None);
    assert_eq!(elsewhere.header("access-control-allow-origin"), None);
    assert_eq!((plain.status, plain.header("allow")), (204, Some("POST, PATCH, OPTIONS")));
    error.assert_problem(404, "unknown-path");
    assert_eq!(error.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(error.header("access-control-expose-headers").is_some_and(|names| names.contains("retry-after")));
    assert_eq!(stranger.header("access-control-allow-origin"), None);
    assert_eq!(stranger.header("vary"), Some("authorization, cookie, accept-encoding, origin"));
}

#[tokio::test]
async fn another_site_cannot_use_the_session_cookie() {
    let service = Service::start().await;
    let (cookie, cross) = ("Cookie: aside_session=t", "Sec-Fetch-Site: cross-site");

    service.ask("POST /me", &[cookie, cross]).await.assert_problem(403, "cross-site-request");
    service.ask("POST /me", &[cookie, "Origin: https://evil.example"]).await.assert_problem(403, "cross-site-request");
    for fields in [
        vec![cookie],
        vec![cookie, "Origin: http://127.0.0.1:8080"],
        vec![cookie, "Sec-Fetch-Site: same-origin"],
        vec!["Authorization: Bearer t", cookie, cross],
    ] {
        assert_eq!(service.ask("POST /me", &fields).await.status, 200, "{fields:?}");
    }
    assert_eq!(service.ask("GET /me", &[cookie, cross]).await.status, 200);
}

#[tokio::test]
async fn a_dead_session_cookie_is_cleared_and_a_bearer_token_clears_nothing() {
    let service = Service::start().await;

    let by_cookie = service.ask("GET /dead", &["Cookie: aside_session=t"]).await;
    let by_header = service.ask("GET /dead", &["Cookie: aside_session=t", "Authorization: Bearer t"]).await;

    by_cookie.assert_problem(401, "invalid-token");
    let cleared = by_cookie.header("set-cookie");
    assert_eq!(cleared, Some("aside_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"));
    by_header.assert_problem(401, "invalid-token");
    assert_eq!(by_header.header("set-cookie"), None);
}

#[tokio::test]
async fn only_trusted_proxies_name_the_client() {
    let direct = Service::start().await;
    let behind = Service::with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")]).await;
    let forwarded = &["X-Forwarded-For: 6.6.6.6, 192.0.2.1"];

    assert_eq!(direct.ask("GET /address", forwarded).await.text(), "127.0.0.1");
    assert_eq!(behind.ask("GET /address", forwarded).await.text(), "192.0.2.1");
    assert_eq!(behind.ask("GET /address", &["Forwarded: for=\"[2001:db8::1]:4711\""]).await.text(), "2001:db8::1");
    assert_eq!(behind.ask("GET /address", &[]).await.text(), "127.0.0.1");
}
