//! The outbox's table, and the functions that make the triggers.

use sqlx::{Error, PgExecutor};

/// The table `invalidation_outbox` and the functions `aside_watch`, `aside_watch_children` and `aside_invalidate`, as SQL that can
/// be executed again. For a migration of the caller's own; [`install`] executes it.
///
/// ```sql
/// SELECT aside_watch('products', 'product', 'id');              -- product:<id> is made of a row of products
/// SELECT aside_watch_children('reviews', 'reviews', 'product_id', 'id'); -- reviews:<product_id> lists the ids of its reviews
/// ```
pub const SCHEMA: &str = include_str!("schema.sql");

/// Executes [`SCHEMA`]: makes what is missing of the outbox, in the first schema of the session's `search_path`.
///
/// # Errors
///
/// When the role may not make tables or functions there.
pub async fn install(executor: impl PgExecutor<'_>) -> Result<(), Error> {
    executor.execute(SCHEMA).await?;
    Ok(())
}
