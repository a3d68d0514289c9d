//! What breaks: Postgres, Redis, clients and processes, each in the middle of the work.

mod pool;

use std::{future::Future, time::Duration};

/// How long what must happen may take on a busy machine; far above every time-out that the tests configure.
const PATIENCE: Duration = Duration::from_secs(60);

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
