//! How Redis is reached, and how long it may take.

use std::time::Duration;

use super::url::RedisUrl;

/// Settings of a [`RedisClient`](super::RedisClient).
#[derive(Clone, Debug)]
pub struct Options {
    /// The address, with the credentials.
    pub url: RedisUrl,
    /// Stands in front of every key and channel. A prefix belongs to one database.
    pub key_prefix: String,
    /// Multiplexed connections that all requests share.
    pub connections: usize,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest wait for a reply.
    pub command_timeout: Duration,
}

impl Options {
    /// The usual settings for this URL: the prefix `aside:`, 2 connections, 1 s to connect, 250 ms for a reply.
    #[must_use]
    pub fn new(url: RedisUrl) -> Self {
        Self {
            url,
            key_prefix: "aside:".to_owned(),
            connections: 2,
            connect_timeout: Duration::from_secs(1),
            command_timeout: Duration::from_millis(250),
        }
    }
}
