//! Where the address of `REDIS_URL` leads now, whatever the connections do that there are.
//!
//! A name that is moved to another server leaves connections where they are, and replicas that start later come to the other
//! one: neither's fences reach the other's readers. So the address is asked again and again, by a connection that is made
//! for that. Where it leads to another mastership than the others, all are made anew.

use std::{sync::Arc, time::Duration};

use aside_runtime::shutdown::Shutdown;
use redis::{AsyncConnectionConfig, IntoConnectionInfo};
use tokio::time;

use super::{
    connection::{RedisClient, Shared},
    connector::connect,
    error::RedisError,
    handle::Connection,
};

/// How often the address is asked, on average.
const INTERVAL: Duration = Duration::from_secs(1);

impl RedisClient {
    /// Follows the address until `shutdown`.
    pub fn follow_address(&self, shutdown: &Shutdown) {
        shutdown.spawn_until_drained(follow_address(Arc::clone(&self.shared)));
    }
}

/// Asks without end.
async fn follow_address(shared: Arc<Shared>) {
    loop {
        time::sleep(INTERVAL.mul_f64(rand::random_range(0.5..1.5))).await;
        // While there is no connection, the attempts to make one ask the address.
        if !shared.agreement.is_connected() {
            continue;
        }
        match look(&shared).await {
            Ok(connection) => {
                if let Err(error) = shared.meet(&connection) {
                    shared.report(&error);
                }
            }
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "REDIS_URL was not followed"),
        }
    }
}

async fn look(shared: &Shared) -> Result<Arc<Connection>, RedisError> {
    let config = &shared.config;
    let options = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(config.connect_timeout))
        .set_response_timeout(Some(config.command_timeout));
    let info = config.url.expose_secret().into_connection_info()?;
    let made = time::timeout(config.connect_timeout, connect(&info, options)).await;
    let wire = made.map_err(|_elapsed| RedisError::Unavailable)??;
    shared.binder.bind(wire).await
}
