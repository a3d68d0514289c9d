//! `aside migrate`.

use crate::{config::Config, postgres::Database};

/// Brings the schema up to date.
pub(super) async fn migrate(config: Config) -> anyhow::Result<()> {
    let database = Database::new(config.database)?;
    database.migrate().await?;
    database.close().await;
    Ok(())
}
