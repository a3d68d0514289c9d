//! Deleting oneself takes everything along, at once and on every replica.

use reqwest::StatusCode;
use serde_json::Value;

use super::{
    answers::{field, problem},
    service::Service,
};
use crate::application::Backend;

#[tokio::test]
async fn with_a_user_go_sessions_posts_and_follows() {
    let backend = Backend::create().await;
    let (here, there) = (backend.start().await, backend.start().await);
    let (ada, bob) = (here.api().register("ada").await, here.api().register("bob").await);
    let second = here.api().sign_in("ada").await;
    let post = ada.post("hello").await;
    bob.follow(&ada).await;
    ada.follow(&bob).await;
    let reader = bob.api.at(there.public);
    assert_eq!(bob.home().await, ["hello"]);
    assert_eq!(reader.get(&format!("/posts/{post}")).await.status(), StatusCode::OK);
    assert_eq!(there.api().get_json("/home").await["items"][0]["id"], *post);

    let deleted = ada.api.delete(&format!("/users/{}", ada.id)).await;

    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(field(&deleted, "set-cookie"), "", "there was no cookie");
    for replica in [&here, &there] {
        for token in [&ada.token, &second] {
            problem(replica.api().with_token(token).get("/home").await, 401, "invalid-token").await;
        }
        for path in ["", "/posts", "/followers", "/following"] {
            problem(replica.api().get(&format!("/users/{}{path}", ada.id)).await, 404, "not-found").await;
        }
        problem(replica.api().get(&format!("/posts/{post}")).await, 404, "not-found").await;
        let reader = bob.api.at(replica.public);
        for path in ["/home", &format!("/users/{}/following", bob.id), &format!("/users/{}/followers", bob.id)] {
            assert_eq!(reader.get_json(path).await["items"], Value::Array(vec![]), "{path}");
        }
        assert_eq!(replica.api().get_json("/home").await["items"], Value::Array(vec![]));
        assert_eq!(replica.api().get_json("/users?username=ada").await["items"], Value::Array(vec![]));
        problem(reader.put(&format!("/users/{}/follow", ada.id)).await, 404, "not-found").await;
    }
}

#[tokio::test]
async fn a_name_is_free_again_and_its_next_user_is_another() {
    let application = Service::start().await;
    let first = application.api().register("ada").await;
    first.post("hello").await;

    assert_eq!(first.api.delete(&format!("/users/{}", first.id)).await.status(), StatusCode::NO_CONTENT);
    let second = application.api().register("ADA").await;

    assert_ne!(second.id, first.id);
    assert_eq!(second.home().await, Vec::<String>::new());
    problem(first.api.get("/users/me").await, 401, "invalid-token").await;
}

#[tokio::test]
async fn a_browser_that_deletes_its_user_forgets_the_cookie() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    let request = application.api().request(reqwest::Method::DELETE, &format!("/users/{}", ada.id));
    let request = request.header("Cookie", format!("aside_session={}", ada.token));
    let deleted = request.send().await.expect("an answer");

    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert!(field(&deleted, "set-cookie").starts_with("aside_session=; "), "{deleted:?}");
    assert_eq!(field(&deleted, "cache-control"), "no-store");
}
