//! Binds a new connection to the mastership behind it, and finds out whether that is good for a cache.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    connector::Wire,
    error::RedisError,
    handle::Connection,
    identity::{RUN_ID_DIGITS, Server},
    metrics::Metrics,
    probe::probe,
    replies::Replies,
};

/// What all connections have in common.
#[derive(Debug)]
pub(crate) struct Binder {
    key_prefix: String,
    /// The database whose entries they carry, once it is known.
    database: watch::Sender<Option<Arc<str>>>,
    breaker: Arc<Breaker>,
    metrics: Metrics,
}

impl Binder {
    pub(crate) fn new(key_prefix: &str, breaker: Arc<Breaker>, metrics: Metrics) -> Self {
        Self { key_prefix: key_prefix.to_owned(), database: watch::Sender::default(), breaker, metrics }
    }

    /// From now on entries are this database's.
    pub(crate) fn set_database(&self, database: &str) {
        self.database.send_if_modified(|known| {
            let is_new = known.as_deref() != Some(database);
            if is_new {
                *known = Some(database.into());
            }
            is_new
        });
    }

    /// Waits until it is known whose entries they are.
    pub(crate) async fn database(&self) -> Arc<str> {
        let mut database = self.database.subscribe();
        loop {
            if let Some(known) = &*database.borrow_and_update() {
                return Arc::clone(known);
            }
            // The sender is here, so it cannot be gone.
            let _changed = database.changed().await;
        }
    }

    /// Resolves when entries are another database's than this.
    pub(crate) async fn database_changed(&self, from: &str) {
        let mut database = self.database.subscribe();
        let _changed = database.wait_for(|known| known.as_deref().is_some_and(|known| known != from)).await;
    }

    /// Reads the identity before the connection is used for anything else, and sees whether the server will do.
    pub(crate) async fn bind(&self, mut wire: Wire) -> Result<Arc<Connection>, RedisError> {
        let database = self.database().await;
        let server = Server::ask(&mut wire.connection, &database).await?.with_address(&mut wire.connection).await;
        let run_id = server.run_id.get(..RUN_ID_DIGITS).unwrap_or(&server.run_id);
        let connection = Arc::new(Connection {
            wire,
            namespace: format!("{}{run_id}:", self.key_prefix),
            owner_key: format!("{}database", self.key_prefix),
            server,
            database,
            duration: self.metrics.command_duration.clone(),
            up: self.metrics.up.clone(),
            replies: Replies::new(&self.metrics),
            breaker: Arc::clone(&self.breaker),
            broken: CancellationToken::new(),
            suspected: Notify::new(),
        });
        probe(&connection).await?;
        Ok(connection)
    }
}
