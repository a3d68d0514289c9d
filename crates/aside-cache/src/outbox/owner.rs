//! Which database the entries in Redis belong to: the one that Postgres has.
//!
//! Until Postgres has said so, Redis is not used. The question is repeated: a name may lead to another database one day, and what
//! Redis holds of the one before is not of that.

use std::time::Duration;

use aside_postgres::DatabaseError;
use aside_redis::RedisClient;
use tokio::time;

use crate::database::Database;

/// How long between two questions once the database is known, and until then.
const INTERVAL: Duration = Duration::from_secs(5);
const UNKNOWN_INTERVAL: Duration = Duration::from_millis(100);

/// Asks without end.
pub(crate) async fn tell_owner(database: Database, redis: RedisClient) {
    let (mut interval, mut was_told) = (UNKNOWN_INTERVAL, false);
    loop {
        match database.identity().await {
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
}
