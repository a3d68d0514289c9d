//! Which Postgres is used, and how: whatever it has for defaults, while its tables are altered, behind which
//! pooler, and not as a standby.

mod altered_tables;
mod defaults;
mod poolers;
mod standby;

use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::{
    application::missing,
    patience::{soon, until},
};

/// Changes what connections of the test's database find from now on: `SET …` or `RESET …`.
async fn alter_database(outside: &PgPool, setting: &str) {
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(outside).await.expect("a name of a database");
    let statement = format!("ALTER DATABASE {name} {setting}");
    outside.execute(AssertSqlSafe(statement)).await.expect("the test owns its database");
}

/// Ends all connections that replicas have.
async fn kill_sessions(outside: &PgPool) {
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'aside'")
        .execute(outside)
        .await
        .expect("the test's database answers");
}
