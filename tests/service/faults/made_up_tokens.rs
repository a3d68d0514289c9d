//! Tokens with a valid checksum that were never given out: what they cost, and whom they keep out.

use aside::auth::SessionToken;
use futures::{StreamExt, stream};
use reqwest::{Method, Response, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    api::{Api, SignedIn},
    application::{Backend, TestApplication},
    test_redis,
};

const QUOTA: u32 = 5;
/// Lookups that a replica makes for an address before it is charged first.
const BEFORE_CHARGED: u32 = 4;
const FLOOD: usize = 150;

/// Two replicas that believe what the test says of addresses.
async fn two_replicas(mode: &str) -> (Backend, [TestApplication; 2]) {
    let backend = Backend::create()
        .await
        .with("CACHE_MODE", mode)
        .with("TRUSTED_PROXIES", "127.0.0.0/8")
        .with("RATE_LIMIT_ANONYMOUS", format!("{QUOTA}/3600s"));
    let replicas = [backend.start().await, backend.start().await];
    for replica in &replicas {
        // Connects to Postgres.
        assert_eq!(list(&replica.api(), "198.51.100.1").await.status(), StatusCode::OK);
    }
    (backend, replicas)
}

fn made_up() -> String {
    SessionToken::generate().expose().to_owned()
}

async fn ask(api: &Api, address: &str) -> Response {
    api.request(Method::GET, "/users/me").header("X-Forwarded-For", address).send().await.expect("an answer")
}

async fn list(api: &Api, address: &str) -> Response {
    api.request(Method::GET, "/users").header("X-Forwarded-For", address).send().await.expect("an answer")
}

async fn ask_by_cookie(api: &Api, address: &str) -> Response {
    let request = api.request(Method::GET, "/users/me").header("X-Forwarded-For", address);
    request.header("Cookie", format!("aside_session={}", made_up())).send().await.expect("an answer")
}

/// Many made-up tokens, as header and as cookie, of these addresses in turn, at all replicas in turn, fifty at once.
async fn flood(replicas: &[TestApplication], addresses: &[String]) {
    let apis: Vec<Api> = replicas.iter().map(TestApplication::api).collect();
    stream::iter(0..FLOOD * addresses.len())
        .for_each_concurrent(50, |nth| {
            let (api, address) = (&apis[nth % apis.len()], &addresses[nth / apis.len() % addresses.len()]);
            async move {
                let answer = if nth % 3 == 0 {
                    ask_by_cookie(api, address).await
                } else {
                    ask(&api.with_token(&made_up()), address).await
                };
                let status = answer.status();
                assert!(matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS), "{status}");
            }
        })
        .await;
}

/// Session lookups that asked Redis or Postgres.
async fn session_lookups(replicas: &[TestApplication]) -> f64 {
    let mut lookups = 0.0;
    for replica in replicas {
        for outcome in ["redis_hit", "miss", "collapsed", "stale", "bypass"] {
            let labels = ["entity=\"session\"", &*format!("outcome=\"{outcome}\"")];
            lookups += replica.metric("cache_requests_total", &labels).await;
        }
    }
    lookups
}

async fn session_keys(backend: &Backend) -> usize {
    let prefix = backend.variables(&[]).remove("REDIS_KEY_PREFIX").expect("a prefix");
    let client = redis::Client::open(test_redis::url().as_str()).expect("a client");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let pattern = format!("{prefix}*session:*");
    redis::cmd("KEYS").arg(pattern).query_async::<Vec<Vec<u8>>>(&mut connection).await.expect("keys").len()
}

#[tokio::test]
async fn made_up_tokens_cost_as_many_lookups_as_their_addresses_have_quota_in_every_mode() {
    // The second and the third are one client: an IPv6 network.
    let addresses = ["192.0.2.1", "2001:db8::1", "2001:db8::2"].map(ToOwned::to_owned);
    let bound = 2 * (QUOTA + 2 * BEFORE_CHARGED);
    for mode in ["off", "redis", "near"] {
        let (backend, replicas) = two_replicas(mode).await;

        flood(&replicas, &addresses).await;

        let (lookups, keys) = (session_lookups(&replicas).await, session_keys(&backend).await);
        assert!((1.0..=f64::from(bound)).contains(&lookups), "{mode}: {lookups} lookups");
        assert!(keys <= bound as usize, "{mode}: {keys} keys");
    }
}

#[tokio::test]
async fn an_address_that_floods_keeps_no_session_out_that_its_replica_has_seen() {
    let address = "192.0.2.1".to_owned();
    for mode in ["off", "redis", "near"] {
        let (_backend, replicas) = two_replicas(mode).await;
        let ada = replicas[0].api().register("ada").await;
        let there = ada.at(replicas[1].public);
        assert_eq!(ask(&there.api, "198.51.100.7").await.status(), StatusCode::OK, "the other replica sees it");

        flood(&replicas, std::slice::from_ref(&address)).await;

        for api in [&ada.api, &there.api] {
            assert_eq!(ask(api, &address).await.status(), StatusCode::OK, "{mode}");
        }
    }
}

#[tokio::test]
async fn a_good_token_of_an_address_that_sent_unknown_ones_charges_its_user_only() {
    let backend = Backend::create()
        .await
        .with("TRUSTED_PROXIES", "127.0.0.0/8")
        .with("RATE_LIMIT_ANONYMOUS", "20/3600s")
        .with("RATE_LIMIT_SIGNED_IN", "9/3600s");
    let (here, there) = (backend.start().await, backend.start().await);
    let SignedIn { api: ada, .. } = here.api().register("ada").await;
    let address = "192.0.2.1";
    for _ in 0..BEFORE_CHARGED {
        assert_eq!(ask(&there.api().with_token(&made_up()), address).await.status(), StatusCode::UNAUTHORIZED);
    }

    let unseen = ask(&ada.at(there.public), address).await;
    let unknown = ask(&there.api().with_token(&made_up()), address).await;

    assert_eq!(unseen.status(), StatusCode::OK);
    assert_eq!(unseen.headers()["ratelimit"], "\"signed-in\";r=8;t=3600");
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(unknown.headers()["ratelimit"], "\"anonymous\";r=15;t=3600", "five unknown tokens, and nothing else");
}

#[tokio::test]
async fn an_address_over_its_quota_that_sent_no_unknown_token_keeps_nobody_out() {
    let (_backend, [here, there]) = two_replicas("near").await;
    let ada = here.api().register("ada").await;
    let address = "192.0.2.1";
    while ask(&there.api(), address).await.status() != StatusCode::TOO_MANY_REQUESTS {}

    assert_eq!(ask(&ada.api.at(there.public), address).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_sign_in_or_registration_over_the_quota_is_refused_before_its_body_is_read() {
    let backend = Backend::create().await.with("RATE_LIMIT_LOGIN", "1/3600s").with("HTTP_BODY_TIMEOUT", "2s");
    let here = backend.start().await;
    for _ in 0..2 {
        here.api().post("/users", &serde_json::json!({})).await;
    }

    for path in ["/sessions", "/users"] {
        let mut connection = TcpStream::connect(here.public).await.expect("a connection");
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n");
        connection.write_all(head.as_bytes()).await.expect("it is sent");
        let mut status = [0; 12];
        connection.read_exact(&mut status).await.expect("an answer");
        // 408 from whoever waits for the body.
        assert_eq!(&status, b"HTTP/1.1 429", "{path}");
    }
}
