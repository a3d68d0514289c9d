//! `Cache-Status` (RFC 9211) and `Server-Timing` on cached reads.

use futures::future::join_all;
use reqwest::StatusCode;

use super::{answers::field, service::Service};
use crate::api::Api;

const UNKNOWN: &str = "01a209a9-865f-7046-8b16-f8f63f8932be";

async fn status(api: &Api, path: &str) -> String {
    field(&api.get(path).await, "cache-status").to_owned()
}

fn is_hit(status: &str) -> bool {
    let ttl = status.strip_prefix("aside; hit; ttl=").and_then(|rest| rest.split_once("; detail="));
    let ttl = ttl.filter(|(_, detail)| ["near", "redis"].contains(detail)).map(|(ttl, _)| ttl);
    ttl.is_some_and(|ttl| ttl.parse::<u32>().is_ok_and(|ttl| ttl <= 600))
}

#[tokio::test]
async fn the_first_reader_misses_and_stores_and_the_next_one_hits() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let post = ada.post("hello").await;
    let bob = application.api().register("bob").await;

    for (api, path, first) in [
        (&application.api(), "/home".to_owned(), "aside; fwd=miss; stored"),
        (&application.api(), format!("/posts/{post}"), ""),
        (&application.api(), format!("/users/{}", ada.id), ""),
        (&application.api(), format!("/users/{UNKNOWN}"), "aside; fwd=miss; stored"),
        (&application.api(), format!("/posts/{UNKNOWN}"), "aside; fwd=miss; stored"),
        (&bob.api, "/users/me".to_owned(), "aside; fwd=miss; stored"),
        (&bob.api, "/home".to_owned(), "aside; fwd=partial; stored"),
    ] {
        let before = status(api, &path).await;
        let after = status(api, &path).await;

        // What the front page showed is in the cache.
        assert!(if first.is_empty() { is_hit(&before) } else { before == first }, "{path}: {before}");
        assert!(is_hit(&after), "{path}: {after}");
    }
}

#[tokio::test]
async fn a_write_makes_the_next_read_a_miss() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let path = format!("/users/{}", ada.id);
    application.api().get(&path).await;
    assert!(is_hit(&status(&application.api(), &path).await));

    ada.api.patch(&path, &serde_json::json!({ "bio": "new" })).await;

    assert_eq!(status(&application.api(), &path).await, "aside; fwd=miss; stored");
}

#[tokio::test]
async fn without_the_cache_every_read_passes_it_by() {
    let application = Service::start_with(&[("CACHE_MODE", "off")]).await;
    let ada = application.api().register("ada").await;
    let post = ada.post("hello").await;

    for path in ["/home", "/users/me", &format!("/users/{}", ada.id), &format!("/posts/{post}")] {
        assert_eq!(status(&ada.api, path).await, "aside; fwd=bypass", "{path}");
    }
    assert_eq!(status(&application.api(), "/users").await, "", "lists are never cached");
}

#[tokio::test]
async fn many_who_miss_at_once_share_one_load_and_say_so() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    let (api, path) = (application.api(), format!("/users/{}", ada.id));

    let answers = join_all((0..30).map(|_| status(&api, &path))).await;

    let of = |wanted: &str| answers.iter().filter(|answer| *answer == wanted).count();
    let hits = answers.iter().filter(|answer| is_hit(answer)).count();
    assert_eq!(of("aside; fwd=miss; stored"), 1, "{answers:?}");
    assert_eq!(of("aside; fwd=miss; stored; collapsed") + of("aside; fwd=miss; collapsed") + hits, 29, "{answers:?}");
}

#[tokio::test]
async fn no_share_of_the_time_is_larger_than_the_whole() {
    let application = Service::start().await;
    let ada = application.api().register("ada").await;
    ada.post("hello").await;

    for path in ["/home", "/home", "/users", "/users/me", "/nothing"] {
        let answer = ada.api.get(path).await;

        let timing = field(&answer, "server-timing").to_owned();
        let parts: Vec<(&str, f64)> = timing
            .split(", ")
            .map(|part| part.split_once(";dur=").expect("a duration"))
            .map(|(name, duration)| (name, duration.parse().expect("a number")))
            .collect();
        let [("cache", cache), ("db", db), ("total", total)] = parts[..] else { panic!("{path}: {timing}") };
        assert!(cache <= total && db <= total, "{path}: {timing}");
    }
    assert_eq!(application.api().get("/home").await.status(), StatusCode::OK);
}
