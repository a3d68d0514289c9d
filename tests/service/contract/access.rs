//! Who may do what: every endpoint, asked by nobody, by somebody, by somebody else, and with credentials that are no good.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    answers::{field, problem},
    endpoints::{ENDPOINTS, For, Things, ask},
    service::Service,
};
use crate::api::PASSWORD;

const UNKNOWN: &str = "01a209a9-865f-7046-8b16-f8f63f8932be";

#[tokio::test]
async fn nobody_may_read_what_is_public_and_nothing_else() {
    let application = Service::start().await;
    let things = Things::of(application.api().register("ada").await).await;

    for endpoint in ENDPOINTS {
        let answer = things.ask(&application.api(), endpoint, &[]).await;

        if endpoint.2 == For::Anyone {
            assert_eq!(answer.status(), StatusCode::OK, "{endpoint:?}");
            assert_eq!(field(&answer, "cache-control"), "public, no-cache", "{endpoint:?}");
        } else {
            problem(answer, 401, "not-signed-in").await;
        }
    }
}

#[tokio::test]
async fn bad_credentials_are_never_silently_anonymous_and_a_bad_cookie_is_cleared() {
    let application = Service::start().await;
    let things = Things::of(application.api().register("ada").await).await;
    let foreign = Service::start().await.api().register("ada").await.token;
    let bad_tokens = [foreign.as_str(), "nonsense", "", "a b", "\u{e9}"];

    for endpoint in ENDPOINTS {
        for token in bad_tokens {
            let (bearer, cookie) = (format!("Bearer {token}"), format!("theme=dark; aside_session={token}"));
            let by_header = things.ask(&application.api(), endpoint, &[("Authorization", &bearer)]).await;
            let by_cookie = things.ask(&application.api(), endpoint, &[("Cookie", &cookie)]).await;

            assert_eq!(field(&by_header, "set-cookie"), "", "{endpoint:?} {token:?}");
            assert!(field(&by_cookie, "set-cookie").starts_with("aside_session=; "), "{endpoint:?} {token:?}");
            problem(by_header, 401, "invalid-token").await;
            problem(by_cookie, 401, "invalid-token").await;
        }
    }
}

#[tokio::test]
async fn the_header_wins_over_the_cookie_whichever_is_good() {
    let application = Service::start().await;
    let api = application.api();
    let (ada, bob) = (api.register("ada").await, api.register("bob").await);
    let me = async |bearer: &str, cookie: &str| {
        let (bearer, cookie) = (format!("Bearer {bearer}"), format!("aside_session={cookie}"));
        ask(&api, "GET", "/users/me", &[("Authorization", &bearer), ("Cookie", &cookie)]).await
    };

    let both_good = me(&ada.token, &bob.token).await;
    let bad_cookie = me(&ada.token, "nonsense").await;
    let bad_header = me("nonsense", &bob.token).await;

    assert_eq!(field(&bad_header, "set-cookie"), "", "the cookie was not looked at");
    assert_eq!(both_good.json::<Value>().await.expect("JSON")["username"], "ada");
    assert_eq!(bad_cookie.json::<Value>().await.expect("JSON")["username"], "ada");
    problem(bad_header, 401, "invalid-token").await;
}

#[tokio::test]
async fn what_belongs_to_somebody_is_for_its_owner() {
    let application = Service::start().await;
    let things = Things::of(application.api().register("ada").await).await;
    let bob = application.api().register("bob").await;

    for endpoint in ENDPOINTS {
        if let For::Owner(status, kind) = endpoint.2 {
            problem(things.ask(&bob.api, endpoint, &[]).await, status, kind).await;
        }
    }

    assert_eq!(things.ada.home().await, ["hello"], "nothing has happened");
    assert_eq!(things.ada.api.get_json("/users/me").await["version"], 1);
}

#[tokio::test]
async fn the_cookie_is_as_good_as_the_header() {
    let application = Service::start().await;
    let things = Things::of(application.api().register("ada").await).await;
    let bob = application.api().register("bob").await;

    let cookie = format!("aside_session={}", bob.token);

    for endpoint in ENDPOINTS {
        let is_bobs_end = endpoint.0 == "DELETE" && endpoint.1.starts_with("/sessions");
        if is_bobs_end || matches!(endpoint.2, For::Owner(..)) {
            continue;
        }

        let fields = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
        let answer = things.ask(&application.api(), endpoint, &fields).await;

        assert!(answer.status().is_success(), "{endpoint:?} {}", answer.status());
        let expected = if endpoint.1 == "/sessions" { "no-store" } else { "private, no-cache" };
        assert_eq!(field(&answer, "cache-control"), expected, "{endpoint:?}");
    }
}

#[tokio::test]
async fn a_cookie_changes_nothing_at_the_wish_of_another_site() {
    let application = Service::start().await;
    let things = Things::of(application.api().register("ada").await).await;
    let cookie = format!("aside_session={}", things.ada.token);

    for endpoint in ENDPOINTS {
        for other in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")] {
            let answer = things.ask(&application.api(), endpoint, &[("Cookie", &cookie), other]).await;

            if endpoint.0 == "GET" {
                assert_eq!(answer.status(), StatusCode::OK, "{endpoint:?}");
            } else {
                problem(answer, 403, "cross-site-request").await;
            }
        }
    }
}

#[tokio::test]
async fn what_is_unknown_and_what_is_no_id_are_not_found() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let ids =
        [UNKNOWN, "nonsense", "%00", "%ff", "7", "{01a209a9-865f-7046-8b16-f8f63f8932be}", &UNKNOWN.replace('-', "")];

    for (method, template, _) in ENDPOINTS {
        if !template.contains('{') {
            continue;
        }
        for id in ids {
            let path =
                ["{user}", "{post}", "{session}"].iter().fold(template.to_owned(), |path, name| path.replace(name, id));

            let document = problem(ask(&ada.api, method, &path, &[]).await, 404, "not-found").await;
            let expected = match template {
                _ if template.starts_with("/users/") => "There is no such user.",
                _ if template.starts_with("/posts/") => "There is no such post.",
                _other => "You have no such session.",
            };
            assert_eq!(document["detail"], expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn those_who_sign_in_register_or_read_the_documentation_are_not_asked_who_they_are() {
    let application = Service::start().await;
    application.api().register("ada").await;
    let sign_in = json!({ "username": "ada", "password": PASSWORD });

    for (at, fields) in [("Authorization", "Bearer nonsense"), ("Cookie", "aside_session=nonsense")].iter().enumerate()
    {
        let ask = |method, path| application.api().request(method, path).header(fields.0, fields.1);
        let register = json!({ "username": format!("bob_{at}"), "display_name": "Bob", "password": PASSWORD });

        let signed_in = ask(Method::POST, "/sessions").json(&sign_in).send().await.expect("an answer");
        let registered = ask(Method::POST, "/users").json(&register).send().await.expect("an answer");

        assert_eq!((signed_in.status(), registered.status()), (StatusCode::CREATED, StatusCode::CREATED));
        for path in ["/docs", "/openapi.json", "/problems/not-found"] {
            assert_eq!(ask(Method::GET, path).send().await.expect("an answer").status(), StatusCode::OK, "{path}");
        }
    }
}
