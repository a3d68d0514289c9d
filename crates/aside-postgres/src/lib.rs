//! PostgreSQL as the source of truth: a pool, and the deadlines of what is asked of it.
//!
//! Each connection leads to the writable primary, or is not used. Each call that leaves the process has a deadline, and an
//! answer to a server that never replies: the circuit breaker, which a health probe sets.
//!
//! | file | what it owns |
//! |---|---|
//! | `admission` | how many requests may work on Postgres at once, and how long a request waits until it may |
//! | `connection` | [`Database`]: the pool with its deadlines |
//! | `transaction` | writing transactions |
//! | `pool`, `manager`, `pace` | lending connections, judging them, making them |
//! | `primary`, `pooler` | whether a connection leads to the primary, and what a pooler on the way does |
//! | `health`, `prober` | the circuit breaker and its probe |
//! | `startup`, `migrations`, `schema` | what a start needs |
//! | `connector`, `url`, `options` | how connections are made |
//!
//! Statements here are not checked at compile time: a check would ask the database of the program that uses this crate.

pub mod admission;
mod connection;
mod connector;
mod error;
mod health;
mod manager;
mod metrics;
mod migrations;
mod options;
mod pace;
mod pool;
mod pooler;
mod primary;
mod prober;
mod schema;
mod startup;
mod transaction;
mod url;

pub use admission::{Admission, Overloaded, Permit};
pub use connection::Database;
pub use connector::Connector;
pub use error::{DatabaseError, PlainError, plain_text};
pub use metrics::Metrics;
pub use migrations::MigrationError;
pub use options::Options;
pub use pool::{Pool, Pooled};
pub use primary::begin_statement;
pub use startup::PostgresUnusable;
pub use transaction::{CommitError, Statements, WriteTransaction, is_rolled_back};
pub use url::{DatabaseHost, DatabaseUrl, SslMode};
