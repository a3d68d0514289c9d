//! Binds a new connection to the mastership behind it, and finds out whether that is good for a cache.

use std::sync::Arc;

use prometheus_client::metrics::{gauge::Gauge, histogram::Histogram};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    connector::Wire,
    error::RedisError,
    handle::Link,
    identity::{RUN_ID_DIGITS, Server},
    probe::probe,
    replies::Replies,
};
use crate::telemetry::metrics::Metrics;

/// What all connections have in common.
#[derive(Debug)]
pub(super) struct Binder {
    key_prefix: String,
    /// The database whose entries they carry, once it is known.
    database: watch::Sender<Option<Arc<str>>>,
    breaker: Arc<Breaker>,
    duration: Histogram,
    up: Gauge,
    metrics: Arc<Metrics>,
}

impl Binder {
    pub(super) fn new(key_prefix: &str, breaker: Arc<Breaker>, metrics: &Arc<Metrics>) -> Self {
        let (duration, up) = (metrics.redis_command_duration.clone(), metrics.redis_up.clone());
        let (key_prefix, metrics) = (key_prefix.to_owned(), Arc::clone(metrics));
        Self { key_prefix, database: watch::Sender::default(), breaker, duration, up, metrics }
    }

    /// From now on entries are this database's.
    pub(super) fn set_database(&self, database: &str) {
        self.database.send_if_modified(|known| {
            let is_new = known.as_deref() != Some(database);
            if is_new {
                *known = Some(database.into());
            }
            is_new
        });
    }

    /// Waits until it is known whose entries they are.
    pub(super) async fn database(&self) -> Arc<str> {
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
    pub(super) async fn database_changed(&self, from: &str) {
        let mut database = self.database.subscribe();
        let _changed = database.wait_for(|known| known.as_deref().is_some_and(|known| known != from)).await;
    }

    /// Reads the identity before the connection is used for anything else, and sees whether the server will do.
    pub(super) async fn bind(&self, mut wire: Wire) -> Result<Arc<Link>, RedisError> {
        let database = self.database().await;
        let server = Server::ask(&mut wire.connection, &database).await?.with_address(&mut wire.connection).await;
        let run_id = server.run_id.get(..RUN_ID_DIGITS).unwrap_or(&server.run_id);
        let link = Arc::new(Link {
            wire,
            namespace: format!("{}{run_id}:", self.key_prefix),
            owner_key: format!("{}database", self.key_prefix),
            server,
            database,
            duration: self.duration.clone(),
            up: self.up.clone(),
            replies: Replies::new(&self.metrics),
            breaker: Arc::clone(&self.breaker),
            broken: CancellationToken::new(),
            suspected: Notify::new(),
        });
        probe(&link).await?;
        Ok(link)
    }
}
