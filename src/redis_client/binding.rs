//! Binds a new connection to the Redis process behind it, and finds out whether that is good for a cache.

use std::sync::Arc;

use prometheus_client::metrics::{gauge::Gauge, histogram::Histogram};
use redis::{aio::MultiplexedConnection, cmd};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{breaker::Breaker, error::RedisError, handle::Link, probe::probe, replies::Replies};
use crate::telemetry::metrics::Metrics;

/// How many hexadecimal digits of the `run_id` a key carries: 64 bits, so that two processes never share them.
const RUN_ID_DIGITS: usize = 16;

/// What all connections have in common.
#[derive(Debug)]
pub(super) struct Binder {
    key_prefix: String,
    breaker: Arc<Breaker>,
    duration: Histogram,
    up: Gauge,
    metrics: Arc<Metrics>,
}

impl Binder {
    pub(super) fn new(key_prefix: &str, breaker: Arc<Breaker>, metrics: &Arc<Metrics>) -> Self {
        let (duration, up) = (metrics.redis_command_duration.clone(), metrics.redis_up.clone());
        Self { key_prefix: key_prefix.to_owned(), breaker, duration, up, metrics: Arc::clone(metrics) }
    }

    /// Reads the `run_id` before the connection is used for anything else, and sees whether writes are taken.
    pub(super) async fn bind(&self, mut connection: MultiplexedConnection) -> Result<Arc<Link>, RedisError> {
        let info: String = cmd("INFO").arg("server").query_async(&mut connection).await?;
        let run_id = info
            .lines()
            .find_map(|line| line.strip_prefix("run_id:"))
            .and_then(|id| id.trim().get(..RUN_ID_DIGITS))
            .ok_or(RedisError::UnexpectedReply { command: "INFO server" })?;
        let link = Arc::new(Link {
            connection,
            namespace: format!("{}{run_id}:", self.key_prefix),
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
