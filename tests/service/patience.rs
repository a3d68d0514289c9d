//! Waiting for what must happen: without an assumption on how fast, and not without end.

use std::{
    fmt::Display,
    future::Future,
    process::Child,
    time::{Duration, Instant},
};

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

/// Waits until a server that the test has started answers. Panics when it ends before.
pub(crate) async fn until_up<T, E: Display>(process: &mut Child, ask: impl AsyncFn() -> Result<T, E>) {
    let give_up_at = Instant::now() + PATIENCE;
    while let Err(error) = ask().await {
        let ended = process.try_wait().expect("the process can be asked");
        assert!(ended.is_none(), "the server of this test ended before it answered: {ended:?}");
        assert!(Instant::now() < give_up_at, "the server of this test did not answer: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
