//! The `OpenAPI` document, locked: whoever changes the API sees it in the diff of the snapshot, and so does its reviewer.

use std::collections::BTreeSet;

use serde_json::Value;

use super::service::Service;

async fn document() -> Value {
    Service::start().await.api().get_json("/openapi.json").await
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().expect("operations");
        operations.iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

#[tokio::test]
async fn the_document_is_the_one_that_was_reviewed() {
    let mut document = document().await;
    // A release is no change of the API.
    document["info"]["version"] = "any".into();

    insta::assert_json_snapshot!(document);
}

#[tokio::test]
async fn every_endpoint_of_the_contract_is_documented() {
    let document = document().await;
    let documented: BTreeSet<String> = operations(&document).map(|(name, _)| name).collect();

    let contract = [
        "post /users",
        "get /users",
        "get /users/{id}",
        "get /users/me",
        "patch /users/{id}",
        "delete /users/{id}",
        "post /sessions",
        "get /sessions",
        "delete /sessions/current",
        "delete /sessions/{id}",
        "delete /sessions",
        "post /posts",
        "get /posts/{id}",
        "patch /posts/{id}",
        "delete /posts/{id}",
        "get /users/{id}/posts",
        "get /users/{id}/followers",
        "get /users/{id}/following",
        "put /users/{id}/follow",
        "delete /users/{id}/follow",
        "get /home",
        "get /problems/{name}",
    ];

    assert_eq!(documented, contract.map(str::to_owned).into());
}

#[tokio::test]
async fn every_operation_names_the_problems_that_follow_from_what_it_is() {
    let document = document().await;

    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().expect("responses");
        let has = |status: &str| responses.contains_key(status);
        assert!(has("429") && has("503") && has("default"), "{name}");
        assert_eq!(has("422") && has("415") && has("413"), operation["requestBody"].is_object(), "{name}");
        let is_about_one = name.contains("{id}") || name.contains("{name}");
        assert_eq!(has("404"), is_about_one, "{name}");
        let ways = operation["security"].as_array().map_or(0, Vec::len);
        assert_eq!(has("401"), ways > 1 || name == "post /sessions", "{name}");
        assert_eq!(has("403"), ways > 1 && !name.starts_with("get"), "{name}");
        for (status, response) in responses {
            let about = format!("{name} {status}");
            assert!(response["description"].is_string() || response["$ref"].is_string(), "{about}");
        }
    }
}

#[tokio::test]
async fn the_types_of_problems_are_a_fixed_list() {
    let document = document().await;

    let types = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"].as_array();

    let of_examples: BTreeSet<&str> = document["components"]["responses"]
        .as_object()
        .expect("responses")
        .values()
        .filter_map(|response| response["content"]["application/problem+json"]["example"]["type"].as_str())
        .collect();
    let listed: BTreeSet<&str> = types.expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(listed, of_examples);
    assert!(listed.len() > 15);
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = document().await;
    let text = document.to_string();

    let references: BTreeSet<&str> =
        text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();

    assert!(references.len() > 20);
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}
