//! One connection, and the one mastership it leads to.

use std::{sync::Arc, time::Instant};

use aside_runtime::{
    metrics::ObserveDuration,
    timings::{Waiting, waiting},
};
use prometheus_client::metrics::{gauge::Gauge, histogram::Histogram};
use redis::{Pipeline, Value, aio::ConnectionLike};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    breaker::{Breaker, Change},
    connector::Wire,
    error::RedisError,
    identity::{Identity, Server},
    replies::Replies,
    script::{Call, is_unknown_script},
};

/// A clonable connection to one Redis process. It never reconnects: when that process is gone, so is the handle.
///
/// Commands sent through one handle are carried out in the order in which they were sent.
#[derive(Clone, Debug)]
pub struct Handle {
    connection: Arc<Connection>,
}

pub(crate) struct Connection {
    /// Lives as long as any handle: what is under way at the shutdown still has it when the pool has not.
    pub(crate) wire: Wire,
    /// `<prefix><run_id>:`.
    pub(crate) namespace: String,
    /// The key that holds whose database the prefix belongs to.
    pub(crate) owner_key: String,
    /// Where it leads, as of when it was made.
    pub(crate) server: Server,
    /// Whose entries it carries.
    pub(crate) database: Arc<str>,
    pub(crate) duration: Histogram,
    pub(crate) up: Gauge,
    pub(crate) replies: Replies,
    /// Shared by all connections.
    pub(crate) breaker: Arc<Breaker>,
    /// Cancelled when a command found the connection broken, or it leads to another server than others.
    pub(crate) broken: CancellationToken,
    /// Told when a reply did not come in time (slow for once, or gone without a word) or when the server refused something
    /// that it should not. A probe decides.
    pub(crate) suspected: Notify,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("server", &self.server.to_string()).finish_non_exhaustive()
    }
}

impl Connection {
    /// No command is sent through this connection any more; its supervisor makes another.
    fn end(&self, error: &RedisError) {
        if !self.broken.is_cancelled() {
            tracing::warn!(
                namespace = self.namespace,
                error = error as &dyn std::error::Error,
                "redis connection ended"
            );
            self.broken.cancel();
        }
    }

    fn failed(&self, error: redis::RedisError) -> RedisError {
        self.replies.count_failure(&error);
        if error.is_timeout() {
            self.suspected.notify_one();
        } else if error.is_unrecoverable_error() {
            self.broken.cancel();
        }
        error.into()
    }

    /// Gives it up, for all who hold a handle.
    pub(crate) fn give_up(&self) {
        self.broken.cancel();
    }

    fn note_reply(&self, asked: Instant) {
        let now = Instant::now();
        let after = now - asked;
        self.duration.observe_duration(after);
        if self.breaker.note_reply(after, now) == Change::Opened {
            self.up.set(0);
            tracing::warn!("redis is too slow; reads go to postgres");
            // From now on its supervisor probes often.
            self.suspected.notify_one();
        }
    }
}

impl Handle {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Which mastership it leads to: what was written under another is not believed.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.connection.server.identity
    }

    /// What every key and channel of this Redis process starts with.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.connection.namespace
    }

    /// The key called `name` in this Redis process.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        [self.namespace(), name].concat()
    }

    /// Sends all commands in one go and gives their replies one by one; a command that the server refused is a
    /// [`Value::ServerError`] in its place. Bounded by `REDIS_COMMAND_TIMEOUT`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting; commands already sent are carried out.
    ///
    /// # Errors
    ///
    /// Also when the replies are not those of these commands; the connection ends with that.
    pub async fn query(&self, pipeline: &Pipeline) -> Result<Vec<Value>, RedisError> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        if self.connection.broken.is_cancelled() {
            return Err(RedisError::Unavailable);
        }
        let (marked, number) = self.connection.replies.mark(pipeline);
        let mut connection = self.connection.wire.connection.clone();
        let started = Instant::now();
        let replies = waiting(Waiting::Cache, connection.req_packed_commands(&marked, 0, marked.len())).await;
        self.connection.note_reply(started);
        if self.connection.broken.is_cancelled() {
            // Given up meanwhile: whatever it says, it may be another server's than the others'.
            return Err(RedisError::Unavailable);
        }
        let replies = replies.map_err(|error| self.connection.failed(error))?;
        let replies =
            self.connection.replies.check(replies, pipeline.len(), number).inspect_err(|error| match error {
                RedisError::OutOfStep => self.connection.end(error),
                _refused => self.connection.suspected.notify_one(),
            })?;
        if replies.iter().any(is_alarming) {
            self.connection.suspected.notify_one();
        }
        Ok(replies)
    }

    /// The error for a reply that this command cannot have; the connection ends.
    #[must_use]
    pub fn unexpected(&self, command: &'static str) -> RedisError {
        self.connection.replies.out_of_step();
        let error = RedisError::UnexpectedReply { command };
        self.connection.end(&error);
        error
    }

    /// Ends the connection: a value that it brought is damaged.
    pub fn end_as_damaged(&self) {
        self.connection.end(&RedisError::OutOfStep);
    }

    /// Calls scripts, all in one round trip. A server that does not know a script is given it, in one round trip more.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    pub async fn call(&self, calls: &[Call]) -> Result<Vec<Value>, RedisError> {
        let mut pipeline = Pipeline::with_capacity(calls.len());
        for call in calls {
            pipeline.add_command(call.by_hash());
        }
        let mut replies = self.query(&pipeline).await?;

        let unknown: Vec<usize> = (0..calls.len()).filter(|&at| is_unknown_script(&replies[at])).collect();
        if unknown.is_empty() {
            return Ok(replies);
        }
        let mut again = Pipeline::with_capacity(unknown.len() * 2);
        for &at in &unknown {
            again.add_command(calls[at].load()).add_command(calls[at].by_hash());
        }
        let second = self.query(&again).await?;
        for (at, reply) in unknown.into_iter().zip(second.into_iter().skip(1).step_by(2)) {
            replies[at] = reply;
        }
        Ok(replies)
    }
}

/// Whether the server refused a command for a reason that may concern fences too. A full one takes those, and one that does
/// not know a script is given it.
fn is_alarming(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if !["OOM", "NOSCRIPT"].contains(&error.code()))
}
