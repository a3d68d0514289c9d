//! What all steps of the protocol share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aside_postgres::admission::Admission;
use aside_redis::{Handle, RedisClient, RedisError};
use aside_runtime::{clock::Clock, shutdown::Shutdown};
use tokio::sync::Semaphore;

use super::{memory_pressure::MemoryPressure, name::EntryName, recent::Recent, speeds::SpeedWatch, trust::Trust};
use crate::{
    metrics::Metrics,
    options::{Mode, Options},
};

/// Discards of damaged values under way in one process, at most. A value beyond this is found again by its next reader.
const MOST_DISCARDS: usize = 16;

/// What every kind of entry needs to speak the protocol: Redis and whether it is trusted, options, permits. Clones share
/// everything.
///
/// Its steps are public for writers with transactions of their own.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub(crate) redis: RedisClient,
    pub(crate) options: Arc<Options>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: Shutdown,
    pub(crate) trust: Trust,
    /// Where loads wait for a permit.
    pub(crate) loads: Admission,
    pub(crate) speeds: Arc<SpeedWatch>,
    pub(super) pressure: Arc<MemoryPressure>,
    /// How many of the permits may be for background work.
    pub(super) background: Arc<Semaphore>,
    /// Permits for discards of damaged values.
    pub(super) discards: Arc<Semaphore>,
    /// Entries that were invalidated in this process lately.
    pub(super) invalidated: Recent<EntryName>,
}

impl Protocol {
    /// In this Redis; loads wait for a permit of `loads`.
    pub(crate) fn new(
        redis: RedisClient,
        options: Options,
        loads: Admission,
        clock: Clock,
        metrics: Metrics,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            options: Arc::new(options),
            clock,
            metrics,
            shutdown,
            trust: Trust::new(redis.clone()),
            speeds: Arc::new(SpeedWatch::new(redis.clone(), loads.permits())),
            pressure: Arc::default(),
            background: Arc::new(Semaphore::new((loads.permits() / 4).max(1))),
            discards: Arc::new(Semaphore::new(MOST_DISCARDS)),
            invalidated: Recent::new(),
            loads,
            redis,
        }
    }

    /// Whether reads can be answered from Redis right now.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.options.mode != Mode::Off && self.redis.is_up() && self.is_worth_asking()
    }

    /// Whether a connection to Redis is up, trusted or not.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.redis.is_connected()
    }

    /// How long a reply of Redis is waited for.
    #[must_use]
    pub fn command_timeout(&self) -> Duration {
        self.redis.command_timeout()
    }

    /// Whether Redis is trusted.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whether Redis is trusted, and not too full to be of use.
    pub(crate) fn is_worth_asking(&self) -> bool {
        self.trust.is_trusted() && !self.pressure.backs_off(Instant::now)
    }

    /// A connection to a trusted Redis that may know something.
    pub(crate) fn handle(&self) -> Result<Handle, RedisError> {
        if self.is_worth_asking() { self.redis.handle() } else { Err(RedisError::Unavailable) }
    }
}
