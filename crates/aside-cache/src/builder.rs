//! Puts a cache together, and starts the tasks that keep it right.

use aside_postgres::Admission;
use aside_redis::RedisClient;
use aside_runtime::{clock::Clock, shutdown::Shutdown};
use tokio::sync::mpsc;

use super::{
    audit::{CheckedKind, SelfCheck},
    cache::Cache,
    database::Database,
    metrics::Metrics,
    near::Near,
    options::{Mode, Options},
    outbox::{Acknowledged, Relay, recover_trust, tell_owner},
    protocol::Protocol,
};

/// The settings and parts of a [`Cache`]; [`Cache::builder`] makes it.
#[derive(Debug)]
#[must_use = "`start` makes the cache"]
pub struct CacheBuilder {
    redis: RedisClient,
    database: Database,
    options: Options,
    loads: Option<Admission>,
    clock: Clock,
    metrics: Metrics,
    shutdown: Shutdown,
}

impl Cache {
    /// A cache in this Redis, of what is in this database.
    pub fn builder(redis: RedisClient, database: impl Into<Database>) -> CacheBuilder {
        let (options, metrics) = (Options::default(), Metrics::default());
        let (clock, shutdown) = (Clock::system(), Shutdown::new());
        CacheBuilder { redis, database: database.into(), options, loads: None, clock, metrics, shutdown }
    }
}

impl CacheBuilder {
    /// Other settings than the usual ones.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// What is counted, registered by the caller.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// The end of the process: background tasks end with it, and it waits for writes that were begun. Without one they end with
    /// the runtime.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// A clock that a test can move.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where loads wait for a permit, in place of the database's own admission.
    pub fn loads(mut self, loads: Admission) -> Self {
        self.loads = Some(loads);
        self
    }

    /// The cache and its background tasks: the relay, trust recovery, the self-check, and the check of which Redis and which
    /// database these are. Reads and writes go to Postgres alone until Redis is trusted, mostly within a tenth of a second; see
    /// [`Cache::trusted`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(self) -> Cache {
        let (redis, shutdown) = (self.redis.clone(), self.shutdown.clone());
        let (cache, kinds) = self.build();
        let (database, protocol) = (cache.database.clone(), cache.protocol.clone());
        redis.follow_address(&shutdown);
        shutdown.spawn_until_drained(tell_owner(database.clone(), redis));
        shutdown.spawn_until_drained(Relay { database: database.clone(), cache: protocol.clone() }.run());
        shutdown.spawn_until_drained(recover_trust(database.clone(), protocol.clone()));
        shutdown.spawn_until_drained(SelfCheck::new(database, protocol, kinds).run());
        cache
    }

    /// The cache without its background tasks, for tests: nothing in Redis is trusted until the caller says so.
    #[must_use]
    pub fn idle(self) -> Cache {
        self.build().0
    }

    fn build(self) -> (Cache, mpsc::UnboundedReceiver<CheckedKind>) {
        let Self { redis, database, options, loads, clock, metrics, shutdown } = self;
        let loads = loads.unwrap_or_else(|| database.reads().clone());
        let acknowledged = Acknowledged::start(database.clone(), &shutdown);
        let has_near = options.mode == Mode::Near;
        let protocol = Protocol::new(redis, options, loads, clock, metrics, shutdown);
        let near = has_near.then(|| Near::start(&protocol));
        let (kinds, to_check) = mpsc::unbounded_channel();
        (Cache { protocol, near, database, acknowledged, kinds }, to_check)
    }
}
