//! Accepts connections while there are free slots.

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

/// The wait before the next try to accept when the process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// The interval between log lines about a lasting failure.
const BETWEEN_LINES: Duration = Duration::from_mins(1);

/// A listener with a number of slots.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    failure_logged: Option<Instant>,
}

/// An accepted connection, not yet registered with the runtime.
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
                    // EMFILE and the like: the connection stays in the backlog, so an immediate retry would loop.
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
