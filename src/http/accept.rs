//! Takes connections in, as long as there are slots for them.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};

/// How long to wait before accepting again when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// A failure that goes on is logged as often.
const BETWEEN_LINES: Duration = Duration::from_mins(1);

/// A listener with a number of slots.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    failure_logged: Option<Instant>,
}

/// A connection that no thread waits for yet.
#[derive(Debug)]
pub(super) struct Accepted {
    /// Its socket.
    pub(super) socket: TcpStream,
    /// The other end.
    pub(super) peer: SocketAddr,
    /// Its slot, which is free again when this is dropped.
    pub(super) slot: OwnedSemaphorePermit,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener, slots: usize) -> Self {
        Self { listener, slots: Arc::new(Semaphore::new(slots)), failure_logged: None }
    }

    /// Waits for a slot first and only then for a connection: with all slots taken, new ones wait in the backlog.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no connection.
    pub(super) async fn accept(&mut self) -> Accepted {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        loop {
            let accepted = self.listener.accept().await;
            match accepted.and_then(|(socket, peer)| Ok((socket.into_std()?, peer))) {
                Ok((socket, peer)) => return Accepted { socket, peer, slot },
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    // EMFILE and the like: the connection stays in the backlog, so that at once would be again and again.
                    self.log(&error);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn log(&mut self, error: &io::Error) {
        if self.failure_logged.is_none_or(|logged| logged.elapsed() >= BETWEEN_LINES) {
            self.failure_logged = Some(Instant::now());
            tracing::error!(%error, "cannot accept connections; trying again");
        }
    }
}

/// Errors of a connection that was over before it was accepted; the next one may be fine.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
