//! Names: unique without regard to case, kept as written, found in any case, free again when their user is gone.

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    answers::{json as read, pointers, problem},
    service::Service,
};
use crate::{
    api::{Api, PASSWORD},
    application::Backend,
};

fn registration(username: &str) -> Value {
    json!({ "username": username, "display_name": "Somebody", "password": PASSWORD })
}

async fn found(api: &Api, name: &str) -> Vec<String> {
    let page = api.get_json(&format!("/users?username={name}")).await;
    assert_eq!(page["next_cursor"], Value::Null);
    let items = page["items"].as_array().expect("items");
    items.iter().map(|user| user["username"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_name_is_kept_as_written_and_found_in_any_case() {
    let application = Service::start().await;

    let user = read(application.api().post("/users", &registration("Ada_99")).await, 201).await;

    assert_eq!(user["username"], "Ada_99");
    for name in ["Ada_99", "ada_99", "ADA_99"] {
        assert_eq!(found(&application.api(), name).await, ["Ada_99"]);
        problem(application.api().post("/users", &registration(name)).await, 409, "name-taken").await;
    }
    assert!(found(&application.api(), "ada_98").await.is_empty());
    assert!(found(&application.api(), "ada%5f9").await.is_empty(), "an underscore is no wildcard");
}

#[tokio::test]
async fn what_can_be_no_name_is_refused() {
    let application = Service::start().await;

    for name in ["me", "ME", "ab", &"a".repeat(31), "a b", "ada\n", "ad\u{e4}", "ada\0", "\u{212a}elvin", ""] {
        let refused = application.api().post("/users", &registration(name)).await;
        assert_eq!(pointers(refused).await, ["/username"], "{name:?}");
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("username", name).finish();
        let refused = application.api().get(&format!("/users?{query}")).await;
        assert_eq!(problem(refused, 400, "invalid-query").await["errors"][0]["parameter"], "username", "{name:?}");
    }
}

#[tokio::test]
async fn of_many_who_want_a_name_at_once_one_gets_it() {
    let backend = Backend::create().await;
    let replicas = [backend.start().await, backend.start().await];

    for round in 0..3 {
        let names = [format!("racer_{round}"), format!("RACER_{round}"), format!("Racer_{round}")];
        let tries = replicas.iter().flat_map(|replica| names.iter().map(|name| (replica.api(), registration(name))));
        let answers = join_all(tries.map(async |(api, body)| api.post("/users", &body).await)).await;

        let (made, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status() == StatusCode::CREATED);
        assert_eq!(made.len(), 1);
        for answer in refused {
            problem(answer, 409, "name-taken").await;
        }
    }
}
