//! A server that says nothing for half a second is no outage. All with the default settings.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures::future::{join, join_all};
use reqwest::{Response, StatusCode};
use serde_json::json;

use super::{
    postgres_away::{ask_what_needs_postgres, was_done},
    soon, until,
};
use crate::{
    api::SignedIn,
    application::{Backend, TestApplication},
    proxy::{Proxy, Way},
    test_redis,
};

/// What is no outage.
const STALL: Duration = Duration::from_millis(500);

/// A stall that a busy machine has made longer is another experiment.
const LONGEST_STALL: Duration = Duration::from_millis(700);

/// A replica whose Postgres and Redis can be stalled, and a user of it.
struct Stalled {
    _backend: Backend,
    _here: TestApplication,
    postgres: Proxy,
    redis: Proxy,
    ada: SignedIn,
}

async fn behind_proxies() -> Stalled {
    let backend = Backend::create().await;
    let (postgres, redis) = (Proxy::start(&backend.database.url).await, Proxy::start(&test_redis::url()).await);
    let (database_url, redis_url) = (postgres.url(&backend.database.url), redis.url(&test_redis::url()));
    let backend = backend.with_default_timeouts();
    let here = backend.start_with(&[("DATABASE_URL", database_url.as_str()), ("REDIS_URL", redis_url.as_str())]).await;
    let ada = here.api().register("ada").await;
    Stalled { _backend: backend, _here: here, postgres, redis, ada }
}

/// The answers to `requests`, which are under way while a server says nothing.
async fn during_a_stall<F: Future<Output = Vec<Response>>>(proxy: &Proxy, requests: impl Fn() -> F) -> Vec<Response> {
    loop {
        let stall = async {
            let begun = Instant::now();
            proxy.set(Way::Frozen);
            tokio::time::sleep(STALL).await;
            proxy.set(Way::Open);
            begun.elapsed()
        };
        let (lasted, answers) = soon(join(stall, requests())).await;
        if lasted < LONGEST_STALL {
            return answers;
        }
    }
}

/// Reads that are cached, reads that are not, and writes, all at once.
async fn read_and_write(ada: &SignedIn) -> Vec<Response> {
    let (api, path) = (&ada.api, format!("/users/{}", ada.id));
    let (posts, unknown) = (format!("{path}/posts"), format!("/posts/{}", uuid::Uuid::now_v7()));
    let paths = ["/home", "/users/me", "/users", "/sessions", &posts, &unknown];
    let (post, bio) = (json!({ "body": "hello" }), json!({ "bio": unknown }));
    let writes = join(api.post("/posts", &post), api.patch(&path, &bio));
    let (mut answers, (posted, changed)) = join(join_all(paths.map(|path| api.get(path))), writes).await;
    answers.extend([posted, changed]);
    answers
}

/// What was answered 503.
fn refused(answers: &[Response]) -> Vec<String> {
    let refused = answers.iter().filter(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE);
    refused.map(|answer| answer.url().path().to_owned()).collect()
}

#[tokio::test]
async fn a_stall_of_half_a_second_in_postgres_fails_no_request() {
    let Stalled { postgres, ada, _backend, _here, .. } = behind_proxies().await;

    let answers = during_a_stall(&postgres, async || read_and_write(&ada).await).await;

    assert_eq!(refused(&answers), Vec::<String>::new(), "of {}", answers.len());
}

#[tokio::test]
async fn a_stall_of_half_a_second_in_redis_fails_no_request() {
    let Stalled { redis, ada, _backend, _here, .. } = behind_proxies().await;

    let answers = during_a_stall(&redis, async || read_and_write(&ada).await).await;

    assert_eq!(refused(&answers), Vec::<String>::new(), "of {}", answers.len());
}

#[tokio::test]
async fn a_postgres_that_stays_silent_is_unavailable_with_the_default_settings_too() {
    let Stalled { postgres, ada, _backend, _here, .. } = behind_proxies().await;

    postgres.set(Way::Frozen);
    let first = ask_what_needs_postgres(&ada).await;
    let known = ask_what_needs_postgres(&ada).await;
    postgres.set(Way::Open);

    for answer in first.into_iter().chain(known) {
        let url = answer.url().clone();
        assert!(!was_done(answer).await, "{url}");
    }
    until(async || ada.api.get("/users").await.status() == StatusCode::OK).await;
}
