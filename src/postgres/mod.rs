//! PostgreSQL, the source of truth: the pool, transactions and every SQL statement.
//!
//! Queries are free functions over an executor, checked at compile time, so the same function serves a read in autocommit
//! and a step of a transaction. Nothing here knows the cache.

mod connection;
mod error;
pub mod follows;
mod health;
pub mod home;
mod manager;
pub mod outbox;
mod pool;
pub mod posts;
mod prober;
pub mod sessions;
mod transaction;
pub mod users;

pub use connection::Database;
pub use error::DatabaseError;
pub use pool::{Pool, Pooled};
pub use transaction::{CommitError, WriteTransaction};
