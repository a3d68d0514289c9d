//! Garbage, the same on every run: whatever clients send, no answer is 5xx, and every refusal is a problem.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};

use super::{answers::assert_problem_fields, garbage::Garbage, service::Service};

const SEED: u64 = 20_261_123;
const REQUESTS: usize = 3_000;

#[tokio::test]
async fn no_garbage_is_our_fault_and_every_refusal_is_a_problem() {
    let service = Service::start().await;
    let ada = service.api().register("ada").await;
    let mut garbage = Garbage::new(SEED, &[&ada.id, &ada.post("hello").await]);
    let mut statuses = BTreeMap::new();

    for nth in 0..REQUESTS {
        let (method, path) = garbage.target();
        // Ada herself stays, or nobody is signed in any more.
        let is_about_ada = path.contains("/sessions") || path.trim_start_matches("/users/").starts_with(&ada.id);
        let is_farewell = method == Method::DELETE && is_about_ada;
        let api = if is_farewell || nth % 10 == 0 { &service.api() } else { &ada.api };
        let about = format!("request {nth}: {method} {path}");

        let answer = garbage.request(api, method, &path).send().await.expect("an answer");

        assert!(answer.status().as_u16() < 500, "{about}: {}", answer.status());
        if answer.status().is_client_error() {
            assert_problem_fields(&answer, &about);
        }
        *statuses.entry(answer.status().as_u16()).or_insert(0) += 1;
    }

    for met in [200, 204, 400, 401, 404, 405, 415, 422] {
        assert!(statuses.contains_key(&met), "the garbage reaches too little: {statuses:?}");
    }
    assert_eq!(ada.api.get("/users/me").await.status(), StatusCode::OK, "{statuses:?}");
}
