//! The limits of every field, counted in characters; what is refused names its place.

use reqwest::Response;
use serde_json::{Map, Value, json};

use super::{
    answers::{json as read, pointers},
    service::Service,
};
use crate::api::{Api, PASSWORD};

async fn register(api: &Api, nth: usize, member: &str, value: Value) -> Response {
    let mut body = Map::from_iter([
        ("username".to_owned(), json!(format!("user_{nth}"))),
        ("display_name".to_owned(), json!("Somebody")),
        ("password".to_owned(), json!(PASSWORD)),
    ]);
    body.insert(member.to_owned(), value);
    api.post("/users", &Value::Object(body)).await
}

async fn start() -> Service {
    Service::start().await
}

#[tokio::test]
async fn what_fits_is_taken() {
    let application = start().await;
    let smiles = |count| json!("\u{1f600}".repeat(count));

    for (nth, (member, value, kept)) in [
        ("username", json!("abc"), None),
        ("username", json!("a".repeat(30)), None),
        ("display_name", smiles(80), None),
        ("display_name", json!("e\u{301}".repeat(80)), Some(json!("\u{e9}".repeat(80)))),
        ("display_name", json!(" \u{3000}Ada\nL\u{a0}\n"), Some(json!("Ada\nL"))),
        ("display_name", json!("\u{202e}\u{2028}"), Some(json!("\u{202e}"))),
        ("bio", Value::Null, None),
        ("bio", json!(""), None),
        ("bio", smiles(500), None),
        ("bio", json!(" e\u{301}\n"), None),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = register(&application.api(), nth, member, value.clone()).await;

        let user = read(answer, 201).await;
        assert_eq!(user[member], kept.unwrap_or(value));
        assert_eq!(application.api().get_json(&format!("/users/{}", user["id"].as_str().expect("an id"))).await, user);
    }
    assert_eq!(register(&application.api(), 98, "password", smiles(256)).await.status(), 201);
    assert_eq!(register(&application.api(), 99, "password", json!("twelve chars")).await.status(), 201);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let application = start().await;

    for (member, value) in [
        ("username", json!(7)),
        ("username", Value::Null),
        ("display_name", json!("")),
        ("display_name", json!(" \n ")),
        ("display_name", json!("x".repeat(81))),
        ("display_name", json!("a\tb")),
        ("display_name", json!("\u{0}")),
        ("display_name", json!("\u{7f}")),
        ("display_name", json!("\u{85}a")),
        ("display_name", json!(["a"])),
        ("bio", json!("x".repeat(501))),
        ("bio", json!("\r\n")),
        ("bio", json!(false)),
        ("password", json!("eleven char")),
        ("password", json!("x".repeat(257))),
        ("password", json!("Password1234")),
        ("password", json!("123456789012")),
        ("password", json!("twelve\tchars")),
        ("password", json!({})),
        ("role", json!("admin")),
        ("id", json!("01a209a9-865f-7046-8b16-f8f63f8932be")),
    ] {
        let answer = register(&application.api(), 1, member, value.clone()).await;

        assert_eq!(pointers(answer).await, [format!("/{member}")], "{value}");
    }
    assert_eq!(pointers(register(&application.api(), 1, "a/b~c", json!(1)).await).await, ["/a~1b~0c"]);
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let application = start().await;
    let body = json!({ "username": "a b", "display_name": " ", "password": "short", "bio": "\u{7}" });

    let refused = application.api().post("/users", &body).await;

    assert_eq!(pointers(refused).await, ["/username", "/display_name", "/password", "/bio"]);
}

#[tokio::test]
async fn a_post_has_one_to_two_thousand_characters() {
    let application = start().await;
    let ada = application.api().register("ada").await;

    for body in ["x".to_owned(), "\u{1f600}".repeat(2_000), " a\nb ".to_owned(), "\"\\</script>\u{2028}".to_owned()] {
        let post = read(ada.api.post("/posts", &json!({ "body": body })).await, 201).await;

        assert_eq!(post["body"], body);
        assert_eq!(ada.api.get_json("/home").await["items"][0], post);
    }
    for body in ["", "a\u{0}b", "a\r\nb", &"x".repeat(2_001)] {
        assert_eq!(pointers(ada.api.post("/posts", &json!({ "body": body })).await).await, ["/body"], "{body:?}");
    }
}
