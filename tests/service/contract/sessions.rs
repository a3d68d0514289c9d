//! One's own sessions: the list of them, at most a hundred, and the three ways to sign out.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{
    answers::{field, problem},
    rows::Rows,
    service::Service,
};
use crate::{api::Api, application::Backend};

async fn sessions(api: &Api) -> Vec<Value> {
    api.get_json("/sessions?limit=100").await["items"].as_array().expect("items").clone()
}

async fn is_signed_in(api: &Api) -> bool {
    api.get("/users/me").await.status() == StatusCode::OK
}

#[tokio::test]
async fn the_list_shows_ones_own_newest_first_and_which_one_asks() {
    let application = Service::start().await;
    let (ada, _bob) = (application.api().register("ada").await, application.api().register("bob").await);
    let second = application.api().with_token(&application.api().sign_in("ada").await);

    let (by_first, by_second) = (sessions(&ada.api).await, sessions(&second).await);

    let current = |list: &[Value]| list.iter().map(|session| session["current"] == true).collect::<Vec<_>>();
    assert_eq!((current(&by_first), current(&by_second)), (vec![false, true], vec![true, false]));
    let names: BTreeSet<&str> = by_first[0].as_object().expect("a session").keys().map(String::as_str).collect();
    let documented =
        ["id", "created_at", "last_seen_at", "idle_expires_at", "expires_at", "address", "user_agent", "current"];
    assert_eq!(names, documented.into());
    assert_eq!((&by_first[0]["address"], &by_first[0]["user_agent"]), (&Value::from("127.0.0.1"), &Value::Null));
    let at = |name: &str| by_first[0][name].as_str().and_then(|at| at.parse::<chrono::DateTime<Utc>>().ok());
    let created = at("created_at").expect("a time");
    assert_eq!(at("idle_expires_at"), Some(created + TimeDelta::hours(24)));
    assert_eq!(at("expires_at"), Some(created + TimeDelta::days(30)));
}

#[tokio::test]
async fn signing_out_here_there_and_everywhere_is_seen_everywhere() {
    let backend = Backend::create().await;
    let (here, there) = (backend.start().await, backend.start().await);
    let (ada, bob) = (here.api().register("ada").await, here.api().register("bob").await);
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(here.api().with_token(&here.api().sign_in("ada").await));
    }
    for other in &others {
        assert!(is_signed_in(&other.at(there.public)).await);
    }

    let at_home = others[0].delete("/sessions/current").await;
    let list = sessions(&ada.api).await;
    let abroad = ada.api.delete(&format!("/sessions/{}", list[0]["id"].as_str().expect("an id"))).await;

    assert_eq!((at_home.status(), abroad.status()), (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT));
    assert!(!is_signed_in(&others[0].at(there.public)).await && !is_signed_in(&others[3].at(there.public)).await);
    assert!(is_signed_in(&others[1].at(there.public)).await && is_signed_in(&others[2].at(there.public)).await);

    let everywhere = ada.api.delete("/sessions").await;

    assert_eq!(everywhere.status(), StatusCode::NO_CONTENT);
    for api in others.iter().chain([&ada.api]) {
        problem(api.at(there.public).get("/users/me").await, 401, "invalid-token").await;
        problem(api.delete("/sessions/current").await, 401, "invalid-token").await;
    }
    assert!(is_signed_in(&bob.api).await);
}

#[tokio::test]
async fn a_browser_that_signs_itself_out_forgets_its_cookie_and_only_then() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let with_cookie = async |token: &str, path: &str| {
        let request = application.api().request(Method::DELETE, path);
        request.header("Cookie", format!("aside_session={token}")).send().await.expect("an answer")
    };
    let list = sessions(&ada.api).await;
    let own = format!("/sessions/{}", list[0]["id"].as_str().expect("an id"));
    let browser = application.api().sign_in("ada").await;

    let another = with_cookie(&browser, &own).await;
    let itself = with_cookie(&browser, "/sessions/current").await;

    assert_eq!((another.status(), itself.status()), (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT));
    assert_eq!(field(&another, "set-cookie"), "");
    assert!(field(&itself, "set-cookie").starts_with("aside_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"));
    let everywhere = with_cookie(&application.api().sign_in("ada").await, "/sessions").await;
    assert!(field(&everywhere, "set-cookie").starts_with("aside_session=; "));
}

#[tokio::test]
async fn the_hundred_and_first_session_ends_the_oldest() {
    let backend = Backend::create().await;
    let application = backend.start().await;
    let ada = application.api().register("ada").await;
    let rows = Rows::of(&backend).await;
    let id = ada.id.parse().expect("an id");
    let mut tokens = Vec::new();
    for _ in 0..99 {
        tokens.push(rows.insert_session(id, Utc::now()).await);
    }
    let api = |token: &str| application.api().with_token(token);
    assert_eq!(sessions(&api(&tokens[98])).await.len(), 100);
    assert!(is_signed_in(&ada.api).await, "the oldest, and in the cache now");

    let newest = application.api().sign_in("ada").await;

    assert_eq!(sessions(&api(&newest)).await.len(), 100);
    problem(ada.api.get("/users/me").await, 401, "invalid-token").await;
    assert!(is_signed_in(&api(&tokens[0])).await && is_signed_in(&api(&tokens[98])).await);
}
