//! What breaks: Postgres, Redis, clients and processes, each in the middle of the work.

mod commit_unknown;
mod file_descriptors;
mod floods;
mod hang_ups;
mod large_accounts;
mod made_up_tokens;
mod overload;
mod pool;
mod postgres_away;
mod reconnects;
mod redis_away;
mod redis_identity;
mod redis_mixed_up;
mod redis_refused;
mod redis_refuses;
mod redis_slow;
mod redis_split;
mod rolling_restart;
mod schemas;
mod sessions;
mod shutdown;
mod stalls;
mod start;

use std::{future::Future, time::Duration};

use url::Url;

use crate::{
    api::Api,
    application::{Backend, TestApplication},
};

/// How long what must happen may take on a busy machine; far above every time-out that the tests configure.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits for what must happen.
async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what).await.expect("it happens soon")
}

/// Asks again and again until it is so.
async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    soon(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Lets others run.
async fn give_way(times: u32) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// What a replica says that it has to do without.
async fn missing(replica: &TestApplication) -> Vec<String> {
    let health = Api::new(replica.admin).get_json("/readyz").await;
    serde_json::from_value(health["missing"].clone()).expect("names")
}

/// The keys of this backend that hold a fence.
async fn fences(backend: &Backend) -> Vec<String> {
    let variables = backend.variables(&[]);
    let redis: Url = variables["REDIS_URL"].parse().expect("a URL");
    let client = redis::Client::open(redis).expect("a Redis URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("redis answers");
    let mut scan = redis::cmd("SCAN");
    scan.arg(0).arg("MATCH").arg(format!("{}*", variables["REDIS_KEY_PREFIX"])).arg("COUNT").arg(1_000_000);
    let (_end, keys): (u64, Vec<String>) = scan.query_async(&mut connection).await.expect("keys");
    // What is no string, the limiter's, reads as nothing.
    let mut read = redis::cmd("MGET");
    read.arg("none").arg(&keys);
    let cells: Vec<Option<Vec<u8>>> = read.query_async(&mut connection).await.expect("cells");
    let fenced = keys.into_iter().zip(cells.into_iter().skip(1));
    fenced.filter(|(_, cell)| cell.as_ref().is_some_and(|cell| cell.starts_with(b"F"))).map(|(key, _)| key).collect()
}
