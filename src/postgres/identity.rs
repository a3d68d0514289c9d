//! Which database this is, whatever name leads to it.

use sqlx::{PgExecutor, Result};

/// Names the database: the identifier of its cluster, which a standby has in common with its primary, its oid, and the schema
/// of its tables. A copy of the cluster's files has the same identifier.
pub async fn find_identity(executor: impl PgExecutor<'_>) -> Result<String> {
    sqlx::query_scalar!(
        r#"SELECT concat_ws(' ', system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()),
                  current_setting('search_path')) AS "identity!"
           FROM pg_control_system()"#
    )
    .fetch_one(executor)
    .await
}
