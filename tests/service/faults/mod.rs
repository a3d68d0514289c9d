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
mod table_locks;

use url::Url;

use crate::{
    application::{Backend, missing},
    patience::{PATIENCE, soon, until},
};

/// Lets others run.
async fn give_way(times: u32) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
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
