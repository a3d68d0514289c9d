//! **aside**: a complete web backend whose cache-aside layer is exact.
//!
//! PostgreSQL is the source of truth; Redis holds copies ("cells") that are right under concurrency, under failure and
//! across replicas. The modules below import only from those above them in this list (`tests/architecture.rs` holds the
//! table):
//!
//! | module | what it owns |
//! |---|---|
//! | [`config`], [`domain`], [`clock`], [`shutdown`] | settings, values and their rules, time, the end; nothing of ours |
//! | [`telemetry`], [`auth`], [`postgres`], [`redis_client`] | one outside thing each |
//! | [`cache`], [`rate_limit`] | the cell protocol, the limiter; they know no user, post or HTTP |
//! | [`repository`] | where Postgres and the cache meet |
//! | [`invalidation`] | durable invalidation: the outbox relay, the gate |
//! | [`http`] | handlers, middleware, the server |
//! | [`app`] | the composition root |
//! | [`cli`] | `serve`, `migrate`, `seed` |
pub mod auth;
pub mod cache;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod invalidation;
pub mod postgres;
pub mod rate_limit;
pub mod redis_client;
pub mod repository;
pub mod telemetry;

pub mod admission;
pub mod app;
pub mod backoff;
pub mod clock;
pub mod shutdown;
