//! What is noted on the request path and written off it: taken out of its queue in batches.

use std::time::Duration;

use super::shutdown::Shutdown;
use tokio::{sync::mpsc, time};

/// The batches of one queue, until it is closed or the shutdown has drained it.
#[derive(Debug)]
pub struct Batches<T> {
    noted: mpsc::Receiver<T>,
    /// Most items of a batch; the last one may have more.
    size: usize,
    /// How long a batch that is not full is collected.
    collecting: Duration,
    stop: Shutdown,
}

impl<T> Batches<T> {
    /// Batches of at most `size`, each collected for `collecting`; the last one, at the shutdown, may have more.
    #[must_use]
    pub fn new(noted: mpsc::Receiver<T>, size: usize, collecting: Duration, stop: Shutdown) -> Self {
        Self { noted, size, collecting, stop }
    }

    /// The next batch, never empty; `None` when there will be none.
    pub async fn next(&mut self) -> Option<Vec<T>> {
        let mut batch = Vec::with_capacity(self.size);
        tokio::select! {
            _received = self.noted.recv_many(&mut batch, self.size) => {}
            () = self.stop.drained() => {
                self.noted.close();
                self.noted.recv_many(&mut batch, usize::MAX).await;
            }
        }
        if !batch.is_empty() && batch.len() < self.size && !self.noted.is_closed() {
            // Whatever is noted meanwhile comes along.
            tokio::select! {
                () = time::sleep(self.collecting) => {}
                () = self.stop.drained() => {}
            }
            while batch.len() < self.size
                && let Ok(item) = self.noted.try_recv()
            {
                batch.push(item);
            }
        }
        (!batch.is_empty()).then_some(batch)
    }
}
