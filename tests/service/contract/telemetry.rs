//! What operators see after traffic: the metrics that are promised, by name and label. And the request id.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use super::{answers::field, service::Service};
use crate::{api::Api, application::TestApplication};

async fn some_traffic(application: &TestApplication) {
    let (ada, bob) = (application.api().register("ada").await, application.api().register("bob").await);
    ada.post("hello").await;
    bob.follow(&ada).await;
    for api in [&bob.api, &application.api()] {
        for path in ["/home", "/home", &format!("/users/{}", ada.id), "/nothing/at/all", "/users?limit=0"] {
            api.get(path).await;
        }
    }
    ada.api.patch(&format!("/users/{}", ada.id), &json!({ "bio": "new" })).await;
    application
        .api()
        .request(Method::from_bytes(b"MADEUP").expect("a method"), "/home")
        .send()
        .await
        .expect("an answer");
}

async fn metrics(application: &TestApplication) -> String {
    let answer = reqwest::get(format!("http://{}/metrics", application.admin)).await.expect("an answer");
    answer.text().await.expect("a text")
}

/// The values that a label has, over all samples of a metric.
fn values(text: &str, metric: &str, label: &str) -> BTreeSet<String> {
    let samples = text.lines().filter(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with('{')));
    let start = format!("{label}=\"");
    samples
        .filter_map(|line| {
            let (_, rest) = line.split_once(&start)?;
            Some(rest.split_once('"')?.0.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn traffic_is_counted_by_patterns_never_by_what_clients_make_up() {
    let application = Service::start().await;
    some_traffic(&application).await;

    let text = metrics(&application).await;

    for metric in ["http_requests_total", "http_request_duration_seconds_count"] {
        let routes = values(&text, metric, "route");
        let expected = ["/home", "/posts", "/sessions", "/users", "/users/{id}", "/users/{id}/follow", "unmatched"];
        assert_eq!(routes, expected.map(str::to_owned).into());
        assert_eq!(values(&text, metric, "method"), ["GET", "PATCH", "POST", "PUT", "other"].map(str::to_owned).into());
        let statuses = ["200", "201", "204", "400", "404", "405"].map(str::to_owned).into();
        assert_eq!(values(&text, metric, "status"), statuses);
    }
}

#[tokio::test]
async fn every_promised_metric_is_there_under_its_name_and_labels() {
    let application = Service::start_with(&[("RATE_LIMIT_ANONYMOUS", "100000/60s")]).await;
    some_traffic(&application).await;

    let text = metrics(&application).await;

    let entities = ["following", "front_page", "post", "session", "timeline", "user"].map(str::to_owned).into();
    assert_eq!(values(&text, "cache_requests_total", "entity"), entities);
    assert_eq!(values(&text, "cache_loads_total", "entity"), entities);
    assert_eq!(values(&text, "cache_load_duration_seconds_count", "entity"), entities);
    let outcomes = values(&text, "cache_requests_total", "outcome");
    assert!(outcomes.is_superset(&["miss", "redis_hit"].map(str::to_owned).into()), "{outcomes:?}");
    assert!(values(&text, "cache_invalidations_total", "source").contains("inline"));
    assert!(values(&text, "cache_invalidation_lag_seconds_count", "source").contains("inline"));
    assert!(values(&text, "rate_limit_decisions_total", "policy").contains("anonymous"));
    assert!(values(&text, "rate_limit_decisions_total", "decision").contains("allowed"));
    for name in ["cache_fills_rejected_total", "redis_up", "redis_command_duration_seconds", "db_pool_connections"] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
    }
    assert!(text.lines().any(|line| line == "redis_up 1"), "redis_up");
}

async fn id_of(api: &Api, given: &str) -> String {
    let answer = api.request(Method::GET, "/home").header("X-Request-Id", given).send().await.expect("an answer");
    field(&answer, "x-request-id").to_owned()
}

#[tokio::test]
async fn a_sane_request_id_comes_back_and_any_other_is_replaced() {
    let api = Service::start().await;
    let api = &api.api();

    for sane in ["a", "A-b_c.9", &"x".repeat(128)] {
        assert_eq!(id_of(api, sane).await, sane);
    }
    let mut made = BTreeSet::new();
    for odd in ["", "a b", "a\"b", "a;b", "\u{e9}", &"x".repeat(129)] {
        let id = id_of(api, odd).await;
        assert!(uuid::Uuid::parse_str(&id).is_ok(), "{odd}: {id}");
        made.insert(id);
    }
    assert_eq!(made.len(), 6);
}
