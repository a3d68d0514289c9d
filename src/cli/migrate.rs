//! `aside migrate`.

use crate::{app, config::Config, postgres, telemetry::logging};

/// Brings the schema up to date.
pub(super) async fn migrate(config: Config) -> anyhow::Result<()> {
    logging::init(&config.log);
    let database = postgres::database(config.database);
    let migrated = app::bring_up_to_date(&database).await;
    database.close().await;
    Ok(migrated?)
}
