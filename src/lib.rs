//! **aside**: a complete web backend whose cache-aside layer is exact.
//!
//! PostgreSQL is the source of truth; Redis holds entries that are right under concurrency, under failure and across
//! replicas. The crates below `crates/` know no user, post or HTTP: `aside-runtime`, `aside-redis`,
//! `aside-postgres`, `aside-cache`. The
//! modules here are the service on top of them. Each imports only from those above it in this list (`tests/architecture.rs`
//! holds the table):
//!
//! | module | what it owns |
//! |---|---|
//! | [`config`], [`domain`] | settings, values and their rules |
//! | [`telemetry`], [`auth`], [`postgres`] | logs and metrics, passwords and tokens, every SQL statement |
//! | [`rate_limit`] | the limiter; it knows no user, post or HTTP |
//! | [`repository`] | where Postgres and the cache meet |
//! | [`http`] | handlers, middleware, the server |
//! | [`app`] | the composition root |
//! | [`cli`] | `serve`, `migrate`, `seed` |

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod postgres;
pub mod rate_limit;
pub mod repository;
pub mod telemetry;
