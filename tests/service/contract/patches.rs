//! Merge patches (RFC 7396): absent leaves, null clears, and what changes nothing is no new version.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{
    answers::{json as read, pointers, problem},
    service::Service,
};
use crate::api::SignedIn;

async fn patch(ada: &SignedIn, path: &str, content_type: &str, body: &Value) -> Response {
    let request = ada.api.request(Method::PATCH, path).header("Content-Type", content_type);
    request.body(body.to_string()).send().await.expect("an answer")
}

#[tokio::test]
async fn absent_leaves_null_clears_and_a_value_sets() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let path = format!("/users/{}", ada.id);

    let set = read(ada.api.patch(&path, &json!({ "bio": "first" })).await, 200).await;
    let left = read(ada.api.patch(&path, &json!({ "display_name": "Countess" })).await, 200).await;
    let cleared = read(ada.api.patch(&path, &json!({ "bio": null })).await, 200).await;

    assert_eq!((&set["bio"], &set["display_name"], &set["version"]), (&json!("first"), &json!("ada"), &json!(2)));
    assert_eq!(
        (&left["bio"], &left["display_name"], &left["version"]),
        (&json!("first"), &json!("Countess"), &json!(3))
    );
    assert_eq!(
        (&cleared["bio"], &cleared["display_name"], &cleared["version"]),
        (&Value::Null, &json!("Countess"), &json!(4))
    );
    assert_eq!(application.api().get_json(&path).await, cleared);
    assert!(cleared["updated_at"].as_str() > set["updated_at"].as_str());
    assert_eq!(cleared["created_at"], set["created_at"]);
}

#[tokio::test]
async fn a_patch_that_changes_nothing_answers_what_was_there() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let (user, post) = (format!("/users/{}", ada.id), format!("/posts/{}", ada.post("hello").await));
    let nothing = [
        (&user, json!({})),
        (&user, json!({ "bio": null })),
        (&user, json!({ "display_name": " ada\n" })),
        (&user, json!({ "current_password": "whatever" })),
        (&post, json!({})),
        (&post, json!({ "body": "hello" })),
    ];

    for (path, body) in nothing {
        for content_type in
            ["application/json", "application/merge-patch+json", "Application/Merge-Patch+JSON; charset=utf-8"]
        {
            let before = ada.api.get_json(path).await;

            let answer = patch(&ada, path, content_type, &body).await;

            assert_eq!(read(answer, 200).await, before, "{path} {body}");
            assert_eq!(ada.api.get_json(path).await, before, "{path} {body}");
        }
    }
}

#[tokio::test]
async fn what_everybody_must_have_cannot_be_cleared() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let (user, post) = (format!("/users/{}", ada.id), format!("/posts/{}", ada.post("hello").await));

    for (path, body, pointer) in [
        (&user, json!({ "display_name": null }), "/display_name"),
        (&user, json!({ "password": null, "current_password": "x" }), "/password"),
        (&user, json!({ "username": "eve" }), "/username"),
        (&user, json!({ "version": 9 }), "/version"),
        (&post, json!({ "body": null }), "/body"),
        (&post, json!({ "author": null }), "/author"),
    ] {
        assert_eq!(pointers(ada.api.patch(path, &body).await).await, [pointer], "{body}");
    }

    assert_eq!(ada.api.get_json(&user).await["version"], 1);
    assert_eq!(ada.api.get_json(&post).await["version"], 1);
}

#[tokio::test]
async fn only_a_patch_may_be_a_merge_patch_and_nothing_may_be_anything_else() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let user = format!("/users/{}", ada.id);

    for content_type in ["text/plain", "application/json-patch+json", "application/xml", "json", ""] {
        problem(patch(&ada, &user, content_type, &json!({})).await, 415, "unsupported-media-type").await;
    }

    let post = ada.api.request(Method::POST, "/posts").header("Content-Type", "application/merge-patch+json");
    let post = post.body(r#"{"body":"x"}"#).send().await.expect("an answer");
    problem(post, 415, "unsupported-media-type").await;
}
