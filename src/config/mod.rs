//! Every setting, typed and checked once at the start. Environment variables only; `.env` is read if present.
//!
//! Each layer is given the part that concerns it. Defaults suit production; `.env.example` explains each variable, and a test
//! holds it to the table in `variables.rs`.
//!
//! Read by hand and not through a general configuration crate: each bad value has to be reported in a line of its own with
//! the variable's name and what was expected, without ever showing a secret. A deserializer stops at the first bad value,
//! knows it by the field's name and quotes it whatever it is.

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

/// Lives of sessions, and the price of passwords.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// `SESSION_IDLE`.
    pub idle: Duration,
    /// `SESSION_ABSOLUTE`.
    pub absolute: Duration,
    /// `PASSWORD_HASHES`: password hashes computed at once (46 MiB each).
    pub concurrent_hashes: usize,
    /// `PASSWORD_HASH_WAIT`: how long a sign-in waits for its turn to hash before it is shed.
    pub hash_wait: Duration,
}

/// The two servers.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// `LISTEN_ADDR`.
    pub listen: SocketAddr,
    /// `ADMIN_ADDR`.
    pub admin: SocketAddr,
    /// `PUBLIC_URL`: what clients call this; https, or http on a loopback host.
    pub public_url: Url,
    /// `TRUSTED_PROXIES`: whose word on the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `CORS_ALLOWED_ORIGINS`: exact origins.
    pub cors_allowed_origins: Vec<String>,
    /// `HTTP_KEEP_ALIVE_TIMEOUT`: a connection without a request, before its first one and between two.
    pub keep_alive_timeout: Duration,
    /// `HTTP_HEADER_TIMEOUT`: from the first byte of a head to its end.
    pub header_timeout: Duration,
    /// `HTTP_BODY_TIMEOUT`: the whole request body.
    pub body_timeout: Duration,
    /// `HTTP_WRITE_TIMEOUT`: a client that does not take its answer.
    pub write_timeout: Duration,
    /// `HTTP_REQUEST_TIMEOUT`: from the head of a request to the head of its answer.
    pub request_timeout: Duration,
    /// `HTTP_DRAIN_DELAY`: how long serving goes on after SIGTERM, until proxies know that this replica is about to stop.
    pub drain_delay: Duration,
    /// `HTTP_SHUTDOWN_TIMEOUT`: requests under way may take so long to finish once no new ones are taken.
    pub shutdown_timeout: Duration,
    /// `HTTP_MAX_CONNECTIONS`: open at once; more wait in the backlog. Fewer where the system gives too few file descriptors.
    pub max_connections: usize,
    /// The same for the admin server. No variable: those who ask there are few.
    pub max_admin_connections: usize,
}

/// How log lines look.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// `LOG_FORMAT`.
    pub format: LogFormat,
    /// `RUST_LOG`: directives of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

/// The two ways to write a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, an object a line.
    Json,
}
