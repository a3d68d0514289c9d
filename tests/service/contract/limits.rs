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

#[tokio::test]
async fn guesses_at_one_account_add_up_over_addresses_and_spellings() {
    let application = start(&[("RATE_LIMIT_LOGIN", "4/60s")]).await;
    let api = application.api();
    let id = {
        let body = json!({ "username": "ada", "display_name": "x", "password": PASSWORD });
        let user: Value = api.post("/users", &body).await.json().await.expect("JSON");
        user["id"].as_str().expect("an id").to_owned()
    };
    let signed_in: Value = sign_in_from("192.0.2.9", &api, "ada", PASSWORD).await.json().await.expect("JSON");
    let ada = api.with_token(signed_in["token"].as_str().expect("a token"));
    let change = |current: &str| {
        let body = json!({ "password": "another fine long phrase", "current_password": current });
        ada.request(Method::PATCH, &format!("/users/{id}")).json(&body)
    };

    for (address, name) in [("192.0.2.1", "ada"), ("192.0.2.2", "ADA"), ("192.0.2.3", "Ada")] {
        assert_eq!(sign_in_from(address, &api, name, "wrong").await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(from("192.0.2.4", change("wrong")).await.status(), StatusCode::UNPROCESSABLE_ENTITY);

    refused(sign_in_from("192.0.2.5", &api, "ada", PASSWORD).await, &["login-account"]).await;
    refused(from("192.0.2.6", change(PASSWORD)).await, &["login-account"]).await;
    assert_eq!(get_from("192.0.2.6", &ada, "/home").await.status(), StatusCode::OK, "who is signed in stays so");
    assert_eq!(
        sign_in_from("192.0.2.5", &api, "bob", "wrong").await.status(),
        StatusCode::UNAUTHORIZED,
        "another account"
    );
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
