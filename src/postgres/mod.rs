//! PostgreSQL, the source of truth: the pool, transactions and every SQL statement.
//!
//! Queries are free functions over an executor, checked at compile time, so the same function serves a read in autocommit
//! and a step of a transaction. Nothing here knows the cache.
//!
//! What looks rows up by a list of ids asks for `ANY((SELECT $1::uuid[])::uuid[])`. Postgres plans a statement for its values
//! each time as long as that looks cheaper than the plan for any, which has ten ids in such a list; so a list of one, as most
//! are, would be planned anew for ever, which takes three times as long as to run it. Out of a subquery its length is not
//! known, and after five times the plan stays.
//!
//! What loads entries asks for `pg_current_wal_insert_lsn()` too: a standby answers with an error (55000) and no rows, whatever a pooler
//! or a proxy put between. Out of a subquery it is a filter that is evaluated once a statement.

pub mod account_deletions;
mod connection;
mod connector;
mod error;
pub mod follows;
mod health;
pub mod home;
mod identity;
mod manager;
mod migrations;
pub mod outbox;
mod pace;
mod pool;
mod pooler;
pub mod posts;
mod primary;
mod prober;
mod schema;
pub mod sessions;
mod startup;
mod transaction;
pub mod users;

pub use connection::Database;
pub use connector::Connector;
pub use error::{DatabaseError, plain_text};
pub use identity::find_identity;
pub use migrations::MigrationError;
pub use pool::{Pool, Pooled};
pub use startup::PostgresUnusable;
pub use transaction::{CommitError, Statements, WriteTransaction};
