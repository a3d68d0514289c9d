//! `If-None-Match` for readers, `If-Match` for writers: lists, `*`, weak tags, tags of compressed answers.

use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use super::{
    answers::{field, json as read, problem},
    service::Service,
};
use crate::api::{Api, SignedIn};

async fn ask(api: &Api, method: Method, path: &str, condition: (&str, &str)) -> Response {
    let request = api.request(method.clone(), path).header(condition.0, condition.1);
    let request = match method {
        Method::PATCH if path.starts_with("/posts") => {
            request.json(&json!({ "body": rand::random::<u64>().to_string() }))
        }
        Method::PATCH => request.json(&json!({ "bio": rand::random::<u64>().to_string() })),
        _ => request,
    };
    request.send().await.expect("an answer")
}

async fn etag(api: &Api, path: &str) -> String {
    let response = api.get(path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    field(&response, "etag").to_owned()
}

async fn user_and_post(ada: &SignedIn) -> [String; 2] {
    [format!("/users/{}", ada.id), format!("/posts/{}", ada.post("hello").await)]
}

/// Conditions made of the current tag; whether they hold by weak and by strong comparison.
fn conditions(etag: &str) -> Vec<(String, bool, bool)> {
    let opaque = etag.trim_matches('"');
    vec![
        (etag.to_owned(), true, true),
        ("*".to_owned(), true, true),
        (format!("W/{etag}"), true, false),
        (format!("\"nothing\", {etag}"), true, true),
        (format!("\"a,b\" ,, {etag}"), true, true),
        (format!("\"{opaque}-gzip\""), true, true),
        (format!("\"{opaque}-br\""), true, true),
        (format!("W/\"{opaque}-br\""), true, false),
        (format!("\"{opaque}-zstd\""), false, false),
        ("\"nothing\"".to_owned(), false, false),
        (",".to_owned(), false, false),
        (format!("\"{opaque}0\""), false, false),
    ]
}

#[tokio::test]
async fn who_has_the_current_version_is_told_so_and_gets_the_fields_of_the_whole_answer() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    for path in user_and_post(&ada).await {
        let whole = ada.api.get(&path).await;
        for (condition, holds, _) in conditions(field(&whole, "etag")) {
            for method in [Method::GET, Method::HEAD] {
                let answer = ask(&ada.api, method, &path, ("If-None-Match", &condition)).await;

                let expected = if holds { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
                assert_eq!(answer.status(), expected, "{path} {condition}");
                for name in ["cache-control", "vary"] {
                    assert_eq!(field(&answer, name), field(&whole, name), "{path} {condition}");
                }
                assert!(field(&answer, "etag").starts_with('"'), "{path} {condition}");
                assert_eq!(field(&answer, "content-type").is_empty(), holds, "{path} {condition}");
            }
        }
    }
}

#[tokio::test]
async fn a_write_happens_only_to_the_version_that_was_meant() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    for path in user_and_post(&ada).await {
        for nth in 0..conditions("").len() {
            let (condition, _, holds) = conditions(&etag(&ada.api, &path).await).swap_remove(nth);
            let before = ada.api.get_json(&path).await;

            let answer = ask(&ada.api, Method::PATCH, &path, ("If-Match", &condition)).await;

            if holds {
                assert_eq!(field(&answer, "etag"), etag(&ada.api, &path).await, "{path} {condition}");
                assert_eq!(read(answer, 200).await["version"], before["version"].as_i64().expect("a version") + 1);
            } else {
                problem(answer, 412, "precondition-failed").await;
                assert_eq!(ada.api.get_json(&path).await, before, "{path} {condition}");
            }
        }
    }
}

#[tokio::test]
async fn a_deletion_happens_only_to_the_version_that_was_meant() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let [user, post] = user_and_post(&ada).await;

    for path in [post, user] {
        let current = etag(&ada.api, &path).await;
        problem(ask(&ada.api, Method::DELETE, &path, ("If-Match", "\"nothing\"")).await, 412, "precondition-failed")
            .await;
        let weak = format!("W/{current}");
        problem(ask(&ada.api, Method::DELETE, &path, ("If-Match", &weak)).await, 412, "precondition-failed").await;

        let deleted = ask(&ada.api, Method::DELETE, &path, ("If-Match", &current)).await;

        assert_eq!(deleted.status(), StatusCode::NO_CONTENT, "{path}");
        problem(application.api().get(&path).await, 404, "not-found").await;
    }
}

#[tokio::test]
async fn a_condition_that_is_no_condition_is_malformed() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    for path in user_and_post(&ada).await {
        for condition in ["7", "\"7", "w/\"7\"", "\"7\" \"8\"", "*, \"7\""] {
            for (method, name) in
                [(Method::GET, "If-None-Match"), (Method::PATCH, "If-Match"), (Method::DELETE, "If-Match")]
            {
                problem(ask(&ada.api, method, &path, (name, condition)).await, 400, "malformed-request").await;
            }
        }
    }
}

#[tokio::test]
async fn the_tag_of_a_post_changes_with_its_authors_names_and_its_version_does_not() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let path = format!("/posts/{}", ada.post("hello").await);
    let before = etag(&ada.api, &path).await;

    ada.api.patch(&format!("/users/{}", ada.id), &json!({ "display_name": "Countess" })).await;

    let answer = ask(&application.api(), Method::GET, &path, ("If-None-Match", &before)).await;
    assert_ne!(field(&answer, "etag"), before);
    let post = read(answer, 200).await;
    assert_eq!((&post["author"]["display_name"], &post["version"]), (&json!("Countess"), &json!(1)));
    let stale = ask(&ada.api, Method::PATCH, &path, ("If-Match", &before)).await;
    problem(stale, 412, "precondition-failed").await;
}

#[tokio::test]
async fn a_compressed_answer_has_a_tag_of_its_own_that_conditions_accept() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let path = format!("/posts/{}", ada.post(&"long enough ".repeat(150)).await);
    let plain = etag(&ada.api, &path).await;

    for coding in ["gzip", "br"] {
        let request = || ada.api.request(Method::GET, &path).header("Accept-Encoding", coding);
        let compressed = request().send().await.expect("an answer");
        let tag = field(&compressed, "etag").to_owned();
        assert_eq!(field(&compressed, "content-encoding"), coding);
        assert_eq!(tag, format!("\"{}-{coding}\"", plain.trim_matches('"')));

        let unchanged = request().header("If-None-Match", &tag).send().await.expect("an answer");

        assert_eq!((unchanged.status(), field(&unchanged, "etag")), (StatusCode::NOT_MODIFIED, &*tag));
        let patched = ask(&ada.api, Method::DELETE, &path, ("If-Match", &tag.replace(coding, "zstd"))).await;
        problem(patched, 412, "precondition-failed").await;
    }
}

#[tokio::test]
async fn what_was_made_comes_with_its_address_and_its_tag() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let new = json!({ "username": "bob", "display_name": "Bob", "password": crate::api::PASSWORD });

    for (path, body) in [("/posts", json!({ "body": "hello" })), ("/users", new)] {
        let made = ada.api.post(path, &body).await;

        let (location, tag) = (field(&made, "location").to_owned(), field(&made, "etag").to_owned());
        let body = read(made, 201).await;
        assert_eq!(location, format!("{path}/{}", body["id"].as_str().expect("an id")));
        assert_eq!(etag(&ada.api, &location).await, tag);
        assert_eq!(ada.api.get_json(&location).await, body);
    }
}
