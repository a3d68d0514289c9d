//! Every SQL statement of the service.
//!
//! Queries are free functions over an executor, checked at compile time, so the same function serves a read in autocommit
//! and a step of a transaction. Nothing here knows the cache.
//!
//! What looks rows up by a list of ids asks for `ANY((SELECT $1::uuid[])::uuid[])`. Postgres plans a statement for its values
//! each time as long as that looks cheaper than the plan for any, which has ten ids in such a list; so a list of one, as most
//! are, would be planned anew each time, which takes three times as long as to run it. Out of a subquery its length is not
//! known, and after five times the plan stays.
//!
//! What loads entries asks for `pg_current_wal_insert_lsn()` too: a standby answers with an error (55000) and no rows, whatever a pooler
//! or a proxy put between. Out of a subquery it is a filter that is evaluated once a statement.

pub mod account_deletions;
pub mod follows;
pub mod home;
pub mod posts;
pub mod sessions;
pub mod users;

use aside_postgres::{Database, Options};
use sqlx::migrate::Migrator;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// What requests read and write.
const TABLES: &[&str] = &["users", "sessions", "posts", "follows", "account_deletions", "invalidation_outbox"];

/// The database with these settings, whose schema is that of this version.
#[must_use]
pub fn database(options: Options) -> Database {
    Database::new(Options { migrations: Some(&MIGRATIONS), tables: TABLES, ..options })
}
