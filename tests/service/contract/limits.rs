//! Limits as clients see them: fields, 429, who is charged for what.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::{
    answers::{assert_problem_fields, field},
    service::Service,
};
use crate::api::{Api, PASSWORD};

const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

async fn start(limits: &[(&str, &str)]) -> Service {
    Service::start_with(&[&[("TRUSTED_PROXIES", "127.0.0.0/8")], limits].concat()).await
}

async fn from(address: &str, request: RequestBuilder) -> Response {
    request.header("X-Forwarded-For", address).send().await.expect("an answer")
}

async fn get_from(address: &str, api: &Api, path: &str) -> Response {
    from(address, api.request(Method::GET, path)).await
}

async fn sign_in_from(address: &str, api: &Api, username: &str, password: &str) -> Response {
    let body = json!({ "username": username, "password": password });
    from(address, api.request(Method::POST, "/sessions").json(&body)).await
}

async fn refused(answer: Response, policies: &[&str]) {
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_problem_fields(&answer, "429");
    let seconds: u64 = field(&answer, "retry-after").parse().expect("seconds");
    assert!((1..=61).contains(&seconds), "{seconds}");
    let told = field(&answer, "ratelimit").to_owned();
    for policy in policies {
        assert!(told.contains(&format!("\"{policy}\";r=0;t=")), "{told}");
    }
    let document: Value = answer.json().await.expect("JSON");
    assert_eq!((&document["type"], &document["violated-policies"]), (&json!(QUOTA_EXCEEDED), &json!(policies)));
}

/// What is left under a policy.
fn room(answer: &Response, policy: &str) -> Option<u32> {
    let of_policy =
        field(answer, "ratelimit").split(", ").find_map(|part| part.strip_prefix(&format!("\"{policy}\";r=")));
    of_policy?.split(';').next()?.parse().ok()
}

#[tokio::test]
async fn an_address_is_told_how_it_stands_and_then_to_wait() {
    let application = start(&[("RATE_LIMIT_ANONYMOUS", "3/60s")]).await;
    let api = application.api();

    for left in [2, 1, 0] {
        let answer = get_from("192.0.2.1", &api, "/users").await;
        assert_eq!(field(&answer, "ratelimit-policy"), "\"anonymous\";q=3;w=60");
        assert_eq!(field(&answer, "ratelimit"), format!("\"anonymous\";r={left};t=60"));
    }

    for path in ["/users", "/nothing"] {
        refused(get_from("192.0.2.1", &api, path).await, &["anonymous"]).await;
    }
    assert_eq!(get_from("192.0.2.2", &api, "/users").await.status(), StatusCode::OK, "another address");
}

#[tokio::test]
async fn the_documentation_is_not_charged_and_is_there_when_the_quota_is_used_up() {
    let application = start(&[("RATE_LIMIT_ANONYMOUS", "2/60s")]).await;
    let api = application.api();
    let script = "/docs/swagger-initializer.js";
    let free = ["/", "/docs", script, "/docs/nothing.js", "/openapi.json", "/problems/not-found", "/problems/nothing"];

    for path in free {
        assert_eq!(field(&get_from("192.0.2.1", &api, path).await, "ratelimit"), "", "{path}");
    }
    for left in [1, 0] {
        assert_eq!(room(&get_from("192.0.2.1", &api, "/users").await, "anonymous"), Some(left), "nothing was charged");
    }
    refused(get_from("192.0.2.1", &api, "/users").await, &["anonymous"]).await;

    for path in ["/docs", script, "/openapi.json", "/problems/not-found"] {
        assert_eq!(get_from("192.0.2.1", &api, path).await.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_good_token_charges_its_user_wherever_they_are_and_a_bad_one_its_address() {
    let limits = [("RATE_LIMIT_ANONYMOUS", "20/60s"), ("RATE_LIMIT_SIGNED_IN", "3/60s")];
    let application = start(&limits).await;
    let ada = application.api().register("ada").await;
    let bad = application.api().with_token("nonsense");

    for (address, left) in [("192.0.2.1", 2), ("192.0.2.2", 1), ("192.0.2.1", 0)] {
        let answer = get_from(address, &ada.api, "/home").await;
        assert_eq!((room(&answer, "signed-in"), room(&answer, "anonymous")), (Some(left), None));
    }
    refused(get_from("192.0.2.3", &ada.api, "/home").await, &["signed-in"]).await;

    for left in [19, 18] {
        let answer = get_from("192.0.2.1", &bad, "/home").await;
        assert_eq!((answer.status(), room(&answer, "anonymous")), (StatusCode::UNAUTHORIZED, Some(left)));
    }
}

#[tokio::test]
async fn only_those_whom_the_operator_trusts_may_name_another_address() {
    let settings = [("RATE_LIMIT_ANONYMOUS", "2/60s"), ("TRUSTED_PROXIES", "")];
    let application = start(&settings).await;
    let api = application.api();

    assert_eq!(get_from("192.0.2.1", &api, "/users").await.status(), StatusCode::OK);
    assert_eq!(get_from("192.0.2.2", &api, "/users").await.status(), StatusCode::OK);

    refused(get_from("192.0.2.3", &api, "/users").await, &["anonymous"]).await;
}

#[tokio::test]
async fn an_address_has_so_many_sign_ins_and_registrations_together() {
    let application = start(&[("RATE_LIMIT_LOGIN", "5/60s")]).await;
    let api = application.api();
    let register = |name: &str| {
        api.request(Method::POST, "/users")
            .json(&json!({ "username": name, "display_name": "x", "password": PASSWORD }))
    };

    assert_eq!(room(&from("192.0.2.1", register("ada")).await, "login-address"), Some(4));
    for left in [3, 2] {
        let answer = sign_in_from("192.0.2.1", &api, "ada", PASSWORD).await;
        assert_eq!(room(&answer, "login-address"), Some(left));
        assert_eq!(room(&answer, "login-account"), Some(4), "a success before was given back");
    }
    assert_eq!(room(&sign_in_from("192.0.2.1", &api, "nobody", PASSWORD).await, "login-address"), Some(1));
    assert_eq!(room(&from("192.0.2.1", register("me")).await, "login-address"), Some(0));

    refused(sign_in_from("192.0.2.1", &api, "ada", PASSWORD).await, &["login-address"]).await;
    refused(from("192.0.2.1", register("bob")).await, &["login-address"]).await;
    assert_eq!(get_from("192.0.2.1", &api, "/users").await.status(), StatusCode::OK, "reading goes on");
    assert_eq!(sign_in_from("192.0.2.2", &api, "ada", PASSWORD).await.status(), StatusCode::CREATED);
}

/// Too long for any password, so that no hash is computed for it.
fn long_guess() -> String {
    "x".repeat(300)
}

async fn register_from(address: &str, api: &Api, username: &str) -> (String, Api) {
    let body = json!({ "username": username, "display_name": "x", "password": PASSWORD });
    let user: Value = from(address, api.request(Method::POST, "/users").json(&body)).await.json().await.expect("JSON");
    let session: Value = sign_in_from(address, api, username, PASSWORD).await.json().await.expect("JSON");
    let signed_in = api.with_token(session["token"].as_str().expect("a token"));
    (user["id"].as_str().expect("an id").to_owned(), signed_in)
}

#[tokio::test]
async fn one_address_that_guesses_locks_out_nobody_but_itself() {
    let application = start(&[("RATE_LIMIT_LOGIN", "4/60s")]).await;
    let api = application.api();
    register_from("192.0.2.9", &api, "ada").await;

    for name in ["ada", "ADA", "Ada", "aDa"] {
        assert_eq!(sign_in_from("192.0.2.1", &api, name, &long_guess()).await.status(), StatusCode::UNAUTHORIZED);
    }

    refused(sign_in_from("192.0.2.1", &api, "ada", PASSWORD).await, &["login-address", "login-account"]).await;
    for address in ["192.0.2.2", "192.0.2.3", "2001:db8::1"] {
        assert_eq!(sign_in_from(address, &api, "ada", PASSWORD).await.status(), StatusCode::CREATED, "{address}");
    }
}

#[tokio::test]
async fn a_hundred_failures_an_hour_from_anywhere_close_an_account_to_addresses_that_it_does_not_know() {
    let application = start(&[("RATE_LIMIT_LOGIN", "40/60s")]).await;
    let api = application.api();
    let (id, ada) = register_from("2001:db8:7::1", &api, "ada").await;
    register_from("192.0.2.9", &api, "bob").await;
    for nth in 0..100 {
        let (address, name) = (format!("192.0.2.{}", nth % 5), ["ada", "ADA", "Ada"][nth % 3]);
        assert_eq!(sign_in_from(&address, &api, name, &long_guess()).await.status(), StatusCode::UNAUTHORIZED);
    }

    for _ in 0..2 {
        let answer = sign_in_from("192.0.2.77", &api, "ada", PASSWORD).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        let seconds: u64 = field(&answer, "retry-after").parse().expect("seconds");
        assert!((3_000..=3_661).contains(&seconds), "{seconds}");
        assert!(field(&answer, "ratelimit").starts_with("\"login-account\";r=0;t="), "{answer:?}");
    }
    let other = sign_in_from("192.0.2.77", &api, "bob", PASSWORD).await;
    assert_eq!((other.status(), room(&other, "login-address")), (StatusCode::CREATED, Some(39)), "nothing was charged");

    // Another address of the network that she signed in from, and what she is signed in with already.
    for _ in 0..3 {
        let known = sign_in_from("2001:db8:7::2", &api, "ada", PASSWORD).await;
        assert_eq!((known.status(), room(&known, "login-account")), (StatusCode::CREATED, Some(39)));
    }
    assert_eq!(get_from("192.0.2.6", &ada, "/home").await.status(), StatusCode::OK);
    let body = json!({ "password": "another fine long phrase", "current_password": PASSWORD });
    let change = ada.request(Method::PATCH, &format!("/users/{id}")).json(&body);
    let changed = from("192.0.2.6", change).await;
    assert_eq!((changed.status(), room(&changed, "login-account")), (StatusCode::OK, Some(39)));
}

#[tokio::test]
async fn guesses_by_a_session_of_the_account_add_up_apart_from_its_sign_ins() {
    let application = start(&[("RATE_LIMIT_LOGIN", "3/60s")]).await;
    let api = application.api();
    let (id, ada) = register_from("192.0.2.9", &api, "ada").await;
    let guess = || {
        let body = json!({ "password": "another fine long phrase", "current_password": long_guess() });
        ada.request(Method::PATCH, &format!("/users/{id}")).json(&body)
    };

    for _ in 0..3 {
        assert_eq!(from("192.0.2.1", guess()).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }

    refused(from("192.0.2.1", guess()).await, &["login-address", "login-account"]).await;
    assert_eq!(sign_in_from("192.0.2.2", &api, "ada", PASSWORD).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_change_of_oneself_without_a_password_is_no_guess() {
    let application = start(&[("RATE_LIMIT_LOGIN", "3/60s")]).await;
    let ada = application.api().register("ada").await;
    let patch = |body: Value| ada.api.request(Method::PATCH, &format!("/users/{}", ada.id)).json(&body);

    for nth in 0..3 {
        let invalid = json!({ "display_name": "", "current_password": "x" });
        let address = format!("192.0.2.{nth}");
        assert_eq!(from(&address, patch(invalid)).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }

    let last = from("192.0.2.9", patch(json!({ "bio": "new", "current_password": "x" }))).await;
    assert_eq!((last.status(), room(&last, "login-account")), (StatusCode::OK, Some(2)));
    let unlimited = from("192.0.2.9", patch(json!({ "bio": "newer" }))).await;
    assert_eq!((unlimited.status(), field(&unlimited, "ratelimit")), (StatusCode::OK, ""));
}
