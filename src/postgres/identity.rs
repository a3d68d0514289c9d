//! Which database this is, whatever name leads to it.

use sqlx::{PgExecutor, Result};

/// Names the database: the identifier of its cluster, which a standby has in common with its primary, its oid, and the schema
/// of its tables, which a pooler's sessions may not have as their path. A copy of the cluster's files has the same identifier.
pub async fn find_identity(executor: impl PgExecutor<'_>, schema: &str) -> Result<String> {
    let database = sqlx::query_scalar!(
        r#"SELECT concat_ws(' ', system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()))
                  AS "database!"
           FROM pg_control_system()"#
    );
    Ok(format!("{} {schema}", database.fetch_one(executor).await?))
}
