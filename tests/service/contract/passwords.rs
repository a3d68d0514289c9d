//! Passwords: how they are changed, and that nothing tells a wrong name from a wrong password.

use std::collections::BTreeSet;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use futures::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{
    answers::{field, json as read, pointers, problem},
    service::Service,
};
use crate::{
    api::{Api, PASSWORD, SignedIn},
    application::Backend,
};

const NEW: &str = "another fine long phrase";

async fn sign_in(api: &Api, username: &str, password: &str) -> Response {
    api.post("/sessions", &json!({ "username": username, "password": password })).await
}

async fn change(ada: &SignedIn, body: Value) -> Response {
    ada.api.patch(&format!("/users/{}", ada.id), &body).await
}

async fn is_signed_in(api: &Api) -> bool {
    api.get("/users/me").await.status() == StatusCode::OK
}

#[tokio::test]
async fn a_new_password_needs_the_current_one() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    let without = change(&ada, json!({ "password": NEW })).await;
    let null = change(&ada, json!({ "password": NEW, "current_password": null })).await;
    let wrong = change(&ada, json!({ "password": NEW, "current_password": "wrong", "bio": "new" })).await;

    assert_eq!(pointers(without).await, ["/current_password"]);
    assert_eq!(pointers(null).await, ["/current_password"]);
    assert_eq!(pointers(wrong).await, ["/current_password"]);
    assert_eq!(sign_in(&ada.api, "ada", PASSWORD).await.status(), StatusCode::CREATED);
    assert_eq!(ada.api.get_json("/users/me").await["bio"], Value::Null, "all or nothing");
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_on_every_replica_and_keeps_this_one() {
    let backend = Backend::create().await;
    let (here, there) = (backend.start().await, backend.start().await);
    let ada = here.api().register("ada").await;
    let bob = here.api().register("bob").await;
    let others = [here.api().sign_in("ada").await, here.api().sign_in("ada").await];
    for token in &others {
        assert!(is_signed_in(&there.api().with_token(token)).await);
    }

    let changed = read(change(&ada, json!({ "password": NEW, "current_password": PASSWORD })).await, 200).await;

    assert_eq!(changed["version"], 2);
    for replica in [&here, &there] {
        for token in &others {
            problem(replica.api().with_token(token).get("/users/me").await, 401, "invalid-token").await;
        }
        assert!(is_signed_in(&ada.api.at(replica.public)).await && is_signed_in(&bob.api.at(replica.public)).await);
        problem(sign_in(&replica.api(), "ada", PASSWORD).await, 401, "wrong-credentials").await;
        assert_eq!(sign_in(&replica.api(), "ada", NEW).await.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_password_is_compared_byte_for_byte() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let spaced = "  e\u{301} is not \u{e9} here \n";

    read(change(&ada, json!({ "password": spaced, "current_password": PASSWORD })).await, 200).await;

    assert_eq!(sign_in(&ada.api, "ada", spaced).await.status(), StatusCode::CREATED);
    for other in [spaced.trim(), &spaced.replace("e\u{301}", "\u{e9}"), &spaced.to_uppercase()] {
        problem(sign_in(&ada.api, "ada", other).await, 401, "wrong-credentials").await;
    }
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let application = Service::start().await;
    application.api().register("ada").await;
    let mut answers = BTreeSet::new();

    for (username, password) in
        [("ada", "wrong"), ("nobody", PASSWORD), ("no name", PASSWORD), ("me", ""), ("ada", "\0")]
    {
        let answer = sign_in(&application.api(), username, password).await;

        assert_eq!(field(&answer, "server-timing"), "", "the time would tell");
        let names: BTreeSet<String> = answer.headers().keys().map(ToString::to_string).collect();
        let document = problem(answer, 401, "wrong-credentials").await;
        answers.insert((names, document.to_string()));
    }

    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn signing_in_is_never_timed_kept_or_compressed() {
    let application = Service::start().await;
    application.api().register("ada").await;

    let request = application.api().request(reqwest::Method::POST, "/sessions").header("Accept-Encoding", "gzip, br");
    let body = json!({ "username": "ADA", "password": PASSWORD });
    let answer = request.header("User-Agent", "x".repeat(2_000)).json(&body).send().await.expect("an answer");

    assert_eq!(answer.status(), StatusCode::CREATED);
    for (name, value) in [("server-timing", ""), ("content-encoding", ""), ("cache-control", "no-store")] {
        assert_eq!(field(&answer, name), value, "{name}");
    }
    let cookie = field(&answer, "set-cookie").to_owned();
    let token = read(answer, 201).await["token"].as_str().expect("a token").to_owned();
    assert_eq!(cookie, format!("aside_session={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"));
}

/// A hash with other parameters than today's.
fn weaker_hash(password: &str) -> String {
    let params = Params::new(1_024, 1, 1, None).expect("parameters");
    let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    weaker.hash_password(password.as_bytes()).expect("a hash").to_string()
}

#[tokio::test]
async fn a_hash_of_older_parameters_is_renewed_by_a_right_sign_in_and_nothing_else_changes() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let rows = application.backend.database.pool().await;
    let stored = async || -> String {
        sqlx::query_scalar("SELECT password_hash FROM users").fetch_one(&rows).await.expect("a hash")
    };
    let older = weaker_hash(PASSWORD);
    sqlx::query("UPDATE users SET password_hash = $1").bind(&older).execute(&rows).await.expect("it is written");

    let wrong = sign_in(&ada.api, "ada", "a wrong long phrase").await;
    let after_a_wrong_one = stored().await;
    let right = join_all((0..4).map(|_| sign_in(&ada.api, "ada", PASSWORD))).await;

    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(after_a_wrong_one, older);
    assert!(right.iter().all(|answer| answer.status() == StatusCode::CREATED), "also those that met the renewal");
    assert!(stored().await.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"));
    assert_eq!(ada.api.get_json("/users/me").await["version"], 1);
    assert!(is_signed_in(&ada.api).await);
    assert_eq!(sign_in(&ada.api, "ada", PASSWORD).await.status(), StatusCode::CREATED);
}
