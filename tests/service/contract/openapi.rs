//! The `OpenAPI` document, locked by a snapshot: each change of the API shows in its diff.

use std::collections::BTreeSet;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{answers::field, service::Service};
use crate::api::PASSWORD;

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
        assert!(has("503") && has("default"), "{name}");
        assert_eq!(has("429"), name != "get /problems/{name}", "the documentation is not charged: {name}");
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

/// The first words of summaries.
const VERBS: [&str; 9] = ["Create", "Delete", "Follow", "Get", "List", "Register", "Sign", "Unfollow", "Update"];

#[tokio::test]
async fn every_operation_has_a_summary_that_begins_with_an_imperative_verb_and_has_no_final_period() {
    let document = document().await;

    for (name, operation) in operations(&document) {
        let summary = operation["summary"].as_str().unwrap_or_default();
        let verb = summary.split(' ').next().unwrap_or_default();
        assert!(VERBS.contains(&verb) && !summary.contains('.') && summary.len() < 50, "{name}: {summary:?}");
    }
}

#[tokio::test]
async fn every_operation_has_security() {
    let document = document().await;
    let schemes = document["components"]["securitySchemes"].as_object().expect("schemes");

    for (name, operation) in operations(&document) {
        let security = operation["security"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(!security.is_empty(), "{name}");
        let named: BTreeSet<&String> = security.iter().flat_map(|way| way.as_object().expect("a way").keys()).collect();
        assert!(named.is_empty() || named == schemes.keys().collect(), "{name}: {named:?}");
    }
}

#[tokio::test]
async fn every_parameter_and_property_has_a_description_or_a_type_that_has_one() {
    let document = document().await;
    let described = |value: &Value| {
        let of_type = |schema: &Value| {
            let name = schema["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
            name.is_some_and(|name| document.pointer(name).is_some_and(|schema| schema["description"].is_string()))
        };
        value["description"].is_string()
            || of_type(value)
            || value["oneOf"].as_array().is_some_and(|forms| forms.iter().any(of_type))
    };

    for (name, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(described(parameter), "{name}: {parameter}");
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(described(schema), "{name}: {property}");
        }
    }
}

#[tokio::test]
async fn the_document_names_its_own_server_first_and_then_the_public_url() {
    let service = Service::start_with(&[("PUBLIC_URL", "https://aside.example/")]).await;

    let document = service.api().get_json("/openapi.json").await;

    let urls = [0, 1, 2].map(|at| document["servers"][at]["url"].as_str());
    assert_eq!(urls, [Some("/"), Some("https://aside.example"), None]);
    assert_eq!(document["components"]["securitySchemes"]["cookie"]["name"], "__Host-aside_session");
}

/// The headers that are documented wherever they are sent.
const HEADERS: [&str; 8] = [
    "Cache-Status",
    "ETag",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Server-Timing",
    "WWW-Authenticate",
];

/// What the document says of the response that this is: those of [`HEADERS`] that it names.
fn documented_headers(document: &Value, operation: &str, status: StatusCode) -> BTreeSet<String> {
    let (_, operation) = operations(document).find(|(name, _)| name == operation).expect("a documented operation");
    let mut response = &operation["responses"][status.as_str()];
    if let Some(reference) = response["$ref"].as_str() {
        response = document.pointer(reference.trim_start_matches('#')).expect("a component");
    }
    assert!(response.is_object(), "{status} is documented");
    let names = response["headers"].as_object().into_iter().flat_map(|headers| headers.keys().cloned());
    names.filter(|name| HEADERS.contains(&name.as_str())).collect()
}

fn sent_headers(answer: &Response) -> BTreeSet<String> {
    HEADERS.into_iter().filter(|name| !field(answer, name).is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn documented_headers_are_really_sent_and_sent_headers_are_documented() {
    let service =
        Service::start_with(&[("RATE_LIMIT_ANONYMOUS", "100/60s"), ("RATE_LIMIT_SIGNED_IN", "100/60s")]).await;
    let api = service.api();
    let document = api.get_json("/openapi.json").await;
    let (ada, bob) = (api.register("ada").await, api.register("bob").await);
    let post = ada.post("one").await;
    let session = api.with_token(&api.sign_in("ada").await).get_json("/sessions?limit=1").await;
    let session = session["items"][0]["id"].as_str().expect("an id").to_owned();
    let (user, other) = (ada.id.clone(), bob.id.clone());

    let registration = json!({ "username": "cleo", "display_name": "Cleo", "password": PASSWORD });
    let none = Value::Null;
    // In this order, with ada's token: the last ones end her sessions and her.
    let requests = [
        ("post /users", "/users".to_owned(), registration),
        ("get /users", "/users".to_owned(), none.clone()),
        ("get /users/me", "/users/me".to_owned(), none.clone()),
        ("get /users/{id}", format!("/users/{user}"), none.clone()),
        ("patch /users/{id}", format!("/users/{user}"), json!({ "bio": "new" })),
        ("get /users/{id}/posts", format!("/users/{user}/posts"), none.clone()),
        ("get /users/{id}/followers", format!("/users/{user}/followers"), none.clone()),
        ("get /users/{id}/following", format!("/users/{user}/following"), none.clone()),
        ("put /users/{id}/follow", format!("/users/{other}/follow"), none.clone()),
        ("delete /users/{id}/follow", format!("/users/{other}/follow"), none.clone()),
        ("post /posts", "/posts".to_owned(), json!({ "body": "two" })),
        ("get /posts/{id}", format!("/posts/{post}"), none.clone()),
        ("patch /posts/{id}", format!("/posts/{post}"), json!({ "body": "new" })),
        ("get /home", "/home".to_owned(), none.clone()),
        ("delete /posts/{id}", format!("/posts/{post}"), none.clone()),
        ("get /problems/{name}", "/problems/not-found".to_owned(), none.clone()),
        ("post /sessions", "/sessions".to_owned(), json!({ "username": "bob", "password": PASSWORD })),
        ("get /sessions", "/sessions".to_owned(), none.clone()),
        ("delete /sessions/{id}", format!("/sessions/{session}"), none.clone()),
        ("delete /sessions/current", "/sessions/current".to_owned(), none.clone()),
        ("delete /sessions", "/sessions".to_owned(), none.clone()),
        ("delete /users/{id}", format!("/users/{user}"), none.clone()),
    ];
    let mut seen = BTreeSet::new();
    for (operation, path, body) in requests {
        // A sign-out ends the session that it came with.
        let api =
            if operation.starts_with("delete /") { api.with_token(&api.sign_in("ada").await) } else { ada.api.clone() };
        let method = operation.split(' ').next().expect("a method").to_uppercase().parse().expect("a method");
        let request = api.request(method, &path);
        let request = if body.is_null() { request } else { request.json(&body) };

        let answer = request.send().await.expect("an answer");

        assert!(answer.status().is_success(), "{operation}: {}", answer.status());
        let documented = documented_headers(&document, operation, answer.status());
        assert_eq!(sent_headers(&answer), documented, "{operation}");
        seen.insert(operation.to_owned());
        if operation.starts_with("get ") && documented.contains("ETag") {
            let again = api.request(Method::GET, &path).header("If-None-Match", field(&answer, "etag"));
            let again = again.send().await.expect("an answer");
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{operation}");
            assert_eq!(
                sent_headers(&again),
                documented_headers(&document, operation, again.status()),
                "{operation} 304"
            );
        }
    }
    assert_eq!(seen, operations(&document).map(|(name, _)| name).collect(), "every operation is driven");
}

#[tokio::test]
async fn documented_headers_of_refusals_are_really_sent() {
    let service = Service::start_with(&[("RATE_LIMIT_ANONYMOUS", "1/60s")]).await;
    let api = service.api();
    let document = api.get_json("/openapi.json").await;

    let statuses = [(StatusCode::UNAUTHORIZED, 1), (StatusCode::TOO_MANY_REQUESTS, 3)];
    for (status, count) in statuses {
        let answer = api.get("/users/me").await;

        assert_eq!(answer.status(), status);
        let documented = documented_headers(&document, "get /users/me", status);
        assert_eq!(documented.len(), count, "{documented:?}");
        assert!(documented.is_subset(&sent_headers(&answer)), "{documented:?}");
    }
}
