//! Whether the tables are there, as this version needs them, and this role may use them.
//!
//! A newer schema will do: during a rolling update, and after going back to the version before, it is what there is.

use std::{collections::HashSet, sync::atomic::Ordering};

use tokio::time;

use super::{connection::Database, error::DatabaseError, manager::CHECK_TIMEOUT};

impl Database {
    /// Whether the schema can be used, found out now; what was found last when Postgres does not say in time.
    pub async fn has_usable_schema(&self) -> bool {
        let found = time::timeout(CHECK_TIMEOUT, self.missing_in_schema()).await;
        if let Ok(Ok(missing)) = found {
            let was_unusable = self.schema_unusable.swap(missing.is_some(), Ordering::Relaxed);
            match missing {
                Some(missing) if !was_unusable => tracing::warn!(missing, "the schema cannot be used"),
                None if was_unusable => tracing::info!("the schema can be used"),
                _as_before => {}
            }
        }
        !self.schema_unusable.load(Ordering::Relaxed)
    }

    /// What is missing for requests to be answered; `None` when nothing is.
    async fn missing_in_schema(&self) -> Result<Option<String>, DatabaseError> {
        match self.run(self.find_missing_in_schema()).await {
            Err(DatabaseError::SchemaUnusable(error)) => Ok(Some(error.to_string())),
            found => found,
        }
    }

    async fn find_missing_in_schema(&self) -> Result<Option<String>, sqlx::Error> {
        let tables = sqlx::query_scalar(
            "SELECT name FROM unnest($1::text[]) AS name CROSS JOIN to_regclass(name) AS found
               WHERE (has_table_privilege(found, 'SELECT') AND has_table_privilege(found, 'INSERT')
                      AND has_table_privilege(found, 'UPDATE') AND has_table_privilege(found, 'DELETE')) IS NOT TRUE",
        )
        .bind(self.config.tables);
        let tables: Vec<String> = tables.fetch_all(self.pool()).await?;
        if !tables.is_empty() {
            return Ok(Some(format!("not there, or not for this role to read and write: {}", tables.join(", "))));
        }
        let may_read = sqlx::query_scalar(
            "SELECT coalesce(has_table_privilege(to_regclass('_sqlx_migrations'), 'SELECT'), false)",
        );
        // A role that only serves need not see it.
        if !may_read.fetch_one(self.pool()).await? {
            return Ok(None);
        }
        let applied = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(self.pool());
        let applied: HashSet<i64> = applied.await?.into_iter().collect();
        let mut migrations = self.config.migrations.into_iter().flat_map(|migrations| migrations.iter());
        let missing = migrations.find(|migration| !applied.contains(&migration.version));
        Ok(missing.map(|migration| format!("the migration {} was not run", migration.version)))
    }
}
