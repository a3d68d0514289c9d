//! Every setting, typed and checked once at the start. Environment variables only; `.env` is read if present.
//!
//! Each layer gets its own part. Defaults suit production; `.env.example` explains each variable, and a test
//! holds it to the table in `variables.rs`.
//!
//! Without a configuration crate: each bad value is reported in its own line with the variable's name and the expected form, and
//! secrets are not shown. A deserializer stops at the first bad value, names the field, and quotes the value.

mod dotenv;
mod error;
mod load;
mod reader;
mod values;
mod variables;

use std::{net::SocketAddr, time::Duration};

use aside_limiter::Quota;
use ipnet::IpNet;
use url::Url;

pub use error::ConfigError;

/// All settings of one process.
#[derive(Clone, Debug)]
pub struct Config {
    /// PostgreSQL.
    pub database: aside_postgres::Options,
    /// Redis.
    pub redis: aside_redis::Options,
    /// The cache.
    pub cache: CacheConfig,
    /// The limiter.
    pub rate_limit: RateLimitConfig,
    /// Sessions and passwords.
    pub session: SessionConfig,
    /// The public and the admin server.
    pub http: HttpConfig,
    /// Logging.
    pub log: LogConfig,
    /// Names in the environment that look like misspelt settings, a sentence each; to be logged once there is a log.
    pub warnings: Vec<String>,
}

/// The cache, and how long its entries live.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// `CACHE_MODE`, `CACHE_MAX_STALENESS`, `CACHE_NEAR_BYTES`, `CACHE_TTL_NEGATIVE`, `CACHE_LEASE`, `CACHE_FENCE` and
    /// `CACHE_LEASE_WAIT`.
    pub options: aside_cache::Options,
    /// `CACHE_TTL`: the longest life of an entry.
    pub ttl: Duration,
    /// `CACHE_TTL_FRONT_PAGE`: the longest life of the front page's entry.
    pub front_page_ttl: Duration,
}

/// The limiter's policies; `None` is `off`.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitConfig {
    /// `RATE_LIMIT_ANONYMOUS`, for each client address.
    pub anonymous: Option<Quota>,
    /// `RATE_LIMIT_SIGNED_IN`, for each user.
    pub signed_in: Option<Quota>,
    /// `RATE_LIMIT_LOGIN`, for each client address and, failed ones, for each account and address.
    pub login: Option<Quota>,
}

/// Lifetimes of sessions, and the cost of passwords.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// `SESSION_IDLE`.
    pub idle: Duration,
    /// `SESSION_ABSOLUTE`.
    pub absolute: Duration,
    /// `PASSWORD_HASHES`: password hashes computed at once (46 MiB each).
    pub concurrent_hashes: usize,
    /// `PASSWORD_HASH_WAIT`: the longest wait of a sign-in for a permit to hash.
    pub hash_wait: Duration,
}

/// The two servers.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// `LISTEN_ADDR`.
    pub listen: SocketAddr,
    /// `ADMIN_ADDR`.
    pub admin: SocketAddr,
    /// `PUBLIC_URL`: the URL that clients use; https, or http on a loopback host.
    pub public_url: Url,
    /// `TRUSTED_PROXIES`: the proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `CORS_ALLOWED_ORIGINS`: exact origins.
    pub cors_allowed_origins: Vec<String>,
    /// `HTTP_KEEP_ALIVE_TIMEOUT`: a connection without a request, before its first one and between two.
    pub keep_alive_timeout: Duration,
    /// `HTTP_HEADER_TIMEOUT`: from the first byte of a head to its end.
    pub header_timeout: Duration,
    /// `HTTP_BODY_TIMEOUT`: the whole request body.
    pub body_timeout: Duration,
    /// `HTTP_WRITE_TIMEOUT`: a client that does not read its response.
    pub write_timeout: Duration,
    /// `HTTP_REQUEST_TIMEOUT`: from the head of a request to the head of its response.
    pub request_timeout: Duration,
    /// `HTTP_DRAIN_DELAY`: the time between SIGTERM and the end of serving, in which proxies notice the shutdown.
    pub drain_delay: Duration,
    /// `HTTP_SHUTDOWN_TIMEOUT`: the longest time for running requests to finish after that.
    pub shutdown_timeout: Duration,
    /// `HTTP_MAX_CONNECTIONS`: open connections; more wait in the backlog. Lowered when the system has too few file descriptors.
    pub max_connections: usize,
    /// The same for the admin server, which has few clients. Not configurable.
    pub max_admin_connections: usize,
}

/// Logging.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// `LOG_FORMAT`.
    pub format: LogFormat,
    /// `RUST_LOG`: directives of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

/// The formats of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, an object a line.
    Json,
}
