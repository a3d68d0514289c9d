//! Waiting for what must happen: without an assumption on how fast, and not without end.

use std::{future::Future, time::Duration};

/// How long what must happen may take on a busy machine; far above every time-out that the tests configure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits for what must happen.
pub(crate) async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what).await.expect("it happens soon")
}

/// Asks again and again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    soon(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
