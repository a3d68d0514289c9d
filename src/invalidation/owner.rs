//! Tells the way to Redis whose entries it holds: those of the database that Postgres has.
//!
//! Until Postgres has said so, Redis is not used. It is asked again and again: a name may lead to another database one day,
//! and what Redis holds of the one before is not of that.

use std::time::Duration;

use aside_postgres::{Database, DatabaseError};
use aside_redis::RedisClient;
use aside_runtime::shutdown::Shutdown;
use tokio::time;

use crate::postgres::find_identity;

/// How long between two questions once the database is known, and until then.
const INTERVAL: Duration = Duration::from_secs(5);
const UNKNOWN_INTERVAL: Duration = Duration::from_millis(100);

/// Starts the loop; it ends with `shutdown`.
pub fn tell_owner(database: Database, schema: String, redis: RedisClient, shutdown: &Shutdown) {
    shutdown.spawn_until_drained(async move {
        let (mut interval, mut was_told) = (UNKNOWN_INTERVAL, false);
        loop {
            match database.run(find_identity(database.pool(), &schema)).await {
                Ok(identity) => {
                    redis.set_database(&identity);
                    interval = INTERVAL;
                }
                Err(error @ DatabaseError::SchemaUnusable(_)) if !was_told => {
                    was_told = true;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        error,
                        "redis is not used, since the role of DATABASE_URL may not ask which database this is; as a superuser: \
                         GRANT EXECUTE ON FUNCTION pg_control_system() TO the role"
                    );
                }
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the database is not known");
                }
            }
            time::sleep(interval).await;
        }
    });
}
