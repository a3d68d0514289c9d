//! Statements that are put together here: names of tables cannot be parameters.

use sqlx::{AssertSqlSafe, PgConnection, raw_sql};

/// Executes a statement. Nothing that came from outside may be in it.
pub(super) async fn execute(connection: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.map(drop)
}
