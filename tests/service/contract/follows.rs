//! Following: idempotent, of others only, of at most 2,000.

use reqwest::StatusCode;
use serde_json::Value;

use super::{
    answers::{field, pointers, problem},
    rows::Rows,
    service::Service,
};
use crate::{
    api::{Api, bodies},
    application::Backend,
};

const UNKNOWN: &str = "/users/01a209a9-865f-7046-8b16-f8f63f8932be/follow";

async fn names(api: &Api, path: &str) -> Vec<String> {
    let page = api.get_json(path).await;
    let items = page["items"].as_array().expect("items");
    items.iter().map(|user| user["username"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn following_and_unfollowing_twice_is_the_same_as_once() {
    let application = Service::start().await;
    let (ada, bob) = (application.api().register("ada").await, application.api().register("bob").await);
    let follow = format!("/users/{}/follow", bob.id);
    let lists = async || {
        let following = names(&application.api(), &format!("/users/{}/following", ada.id)).await;
        (following, names(&application.api(), &format!("/users/{}/followers", bob.id)).await)
    };

    for _ in 0..2 {
        assert_eq!(ada.api.put(&follow).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(lists().await, (vec!["bob".to_owned()], vec!["ada".to_owned()]));
    }
    for _ in 0..2 {
        assert_eq!(ada.api.delete(&follow).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(lists().await, (vec![], vec![]));
    }
    assert_eq!(ada.api.get_json("/users/me").await["version"], 1, "a follow changes no user");
}

#[tokio::test]
async fn nobody_follows_oneself_or_nobody() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;

    assert_eq!(pointers(ada.api.put(&format!("/users/{}/follow", ada.id)).await).await, [""]);
    problem(ada.api.put(UNKNOWN).await, 404, "not-found").await;
    problem(ada.api.delete(UNKNOWN).await, 404, "not-found").await;
}

#[tokio::test]
async fn the_two_thousand_and_first_is_one_too_many() {
    let backend = Backend::create().await;
    let application = backend.start().await;
    let (ada, bob) = (application.api().register("ada").await, application.api().register("bob").await);
    let rows = Rows::of(&backend).await;
    let followees = rows.insert_users(2_000).await;
    let ada_id = ada.id.parse().expect("an id");
    rows.insert_follows(&followees[1..].iter().map(|followee| (ada_id, *followee)).collect::<Vec<_>>()).await;
    let last = format!("/users/{}/follow", followees[0]);

    assert_eq!(ada.api.put(&last).await.status(), StatusCode::NO_CONTENT);

    let refused = ada.api.put(&format!("/users/{}/follow", bob.id)).await;
    assert_eq!(pointers(refused).await, [""]);
    assert_eq!(ada.api.put(&last).await.status(), StatusCode::NO_CONTENT, "whom one follows already is none more");
    assert_eq!(names(&application.api(), &format!("/users/{}/followers", bob.id)).await, Vec::<String>::new());
    assert_eq!(ada.api.delete(&last).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(ada.api.put(&format!("/users/{}/follow", bob.id)).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn every_change_is_seen_by_the_next_request_on_another_replica() {
    let backend = Backend::create().await;
    let (here, there) = (backend.start().await, backend.start().await);
    let (ada, bob) = (here.api().register("ada").await, here.api().register("bob").await);
    let home = async || {
        let page = bob.api.at(there.public).get_json("/home").await;
        let names: Vec<Value> = page["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|post| post["author"]["display_name"].clone())
            .collect();
        (bodies(&page), names)
    };
    let expect = |posts: &[&str], author: &str| {
        (posts.iter().map(ToString::to_string).collect::<Vec<_>>(), vec![Value::from(author); posts.len()])
    };

    for round in 0..3 {
        bob.follow(&ada).await;
        let first = ada.post("first").await;
        assert_eq!(home().await, expect(&["first"], "ada"), "{round}");
        let second = ada.post("second").await;
        assert_eq!(home().await, expect(&["second", "first"], "ada"), "{round}");
        ada.api.patch(&format!("/posts/{first}"), &serde_json::json!({ "body": "edited" })).await;
        assert_eq!(home().await, expect(&["second", "edited"], "ada"), "{round}");
        ada.api.patch(&format!("/users/{}", ada.id), &serde_json::json!({ "display_name": "Countess" })).await;
        assert_eq!(home().await, expect(&["second", "edited"], "Countess"), "{round}");
        ada.api.delete(&format!("/posts/{second}")).await;
        assert_eq!(home().await, expect(&["edited"], "Countess"), "{round}");
        bob.api.delete(&format!("/users/{}/follow", ada.id)).await;
        assert_eq!(home().await, expect(&[], ""), "{round}");
        ada.api.delete(&format!("/posts/{first}")).await;
        let renamed = ada.api.patch(&format!("/users/{}", ada.id), &serde_json::json!({ "display_name": "ada" })).await;
        assert_eq!(field(&renamed, "content-type"), "application/json");
    }
}
