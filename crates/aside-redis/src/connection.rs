//! Keeps connections up: a task for each, which makes it, watches it, and makes the next when it broke.
//!
//! Requests never wait for a connection to be made. While none is up they are told so at once, and read Postgres.

use std::{
    collections::BTreeSet,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use aside_runtime::{backoff::Backoff, shutdown::Shutdown};
use deadpool::managed::{Object, Pool, PoolError};
use deadpool_redis::Runtime;
use parking_lot::Mutex;
use redis::{AsyncConnectionConfig, Client};
use tokio::time;

use super::{
    agreement::{Agreement, Place},
    binding::Binder,
    breaker::{Breaker, Change},
    connector::Connector,
    error::RedisError,
    handle::{Connection, Handle},
    identity::Identity,
    metrics::Metrics,
    options::Options,
    probe::probe,
};

/// How often a connection that is not suspected is asked whether it still answers, and takes writes.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// Causes of one outage that are told as warnings, at most.
const MOST_CAUSES: usize = 8;

/// How often a connection is probed while the circuit breaker is open.
const OPEN_INTERVAL: Duration = Duration::from_millis(100);

/// The way to Redis. Clones share the connections.
#[derive(Clone, Debug)]
pub struct RedisClient {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) agreement: Agreement,
    next: AtomicUsize,
    breaker: Arc<Breaker>,
    pub(crate) binder: Binder,
    /// Why Redis is not used, as far as it was told since it was used last.
    told: Mutex<BTreeSet<String>>,
    metrics: Metrics,
    pub(crate) config: Options,
}

impl RedisClient {
    /// Starts the tasks that keep the connections; does not wait for them. They end with `shutdown`.
    ///
    /// # Errors
    ///
    /// When the URL cannot be understood.
    pub fn start(config: &Options, metrics: Metrics, shutdown: &Shutdown) -> Result<Self, RedisError> {
        let connection = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.connect_timeout))
            .set_response_timeout(Some(config.command_timeout));
        let connector = Connector::new(Client::open(config.url.expose_secret())?, connection)?;
        let pool = Pool::builder(connector)
            .max_size(config.connections)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(config.connect_timeout))
            .recycle_timeout(Some(config.command_timeout))
            .wait_timeout(Some(config.connect_timeout))
            .build()
            .expect("a pool with a runtime can be built");
        let breaker = Arc::new(Breaker::new(config.command_timeout));
        let shared = Arc::new(Shared {
            binder: Binder::new(&config.key_prefix, Arc::clone(&breaker), metrics.clone()),
            breaker,
            agreement: Agreement::new(config.connections),
            next: AtomicUsize::new(0),
            told: Mutex::default(),
            metrics,
            config: config.clone(),
        });
        for place in shared.agreement.places() {
            let supervisor = Supervisor { shared: Arc::clone(&shared), pool: pool.clone(), place };
            shutdown.spawn_until_drained(async move { supervisor.run().await });
        }
        Ok(Self { shared })
    }

    /// Tells whose entries are to be read and written: nothing is until this is known. Connections are made anew when it
    /// changes.
    pub fn set_database(&self, database: &str) {
        self.shared.binder.set_database(database);
    }

    /// A connection that works as far as is known, for what a request can do without; successive calls take turns. Never
    /// waits.
    ///
    /// # Errors
    ///
    /// [`RedisError::Unavailable`] while there is none, or while Redis is too slow to be of use.
    pub fn handle(&self) -> Result<Handle, RedisError> {
        if self.shared.breaker.is_open() { Err(RedisError::Unavailable) } else { self.handle_however_slow() }
    }

    /// As [`handle`](Self::handle), for what must reach Redis whenever it can be reached at all: other replicas may read
    /// what a writer here would leave unfenced.
    ///
    /// # Errors
    ///
    /// [`RedisError::Unavailable`] while there is no connection.
    pub fn handle_however_slow(&self) -> Result<Handle, RedisError> {
        let slots = self.shared.agreement.slots();
        let first = self.shared.next.fetch_add(1, Ordering::Relaxed);
        (0..slots.len())
            .filter_map(|at| slots[(first + at) % slots.len()].load_full())
            .find(|connection| !connection.broken.is_cancelled())
            .map(Handle::new)
            .ok_or(RedisError::Unavailable)
    }

    /// Whether whatever [`handle`](Self::handle) gives leads to this mastership. Every read asks, so it writes nothing that the
    /// other cores read.
    #[must_use]
    pub fn leads_to(&self, identity: Identity) -> bool {
        let is_it = |slot: &ArcSwapOption<Connection>| {
            slot.load().as_ref().is_none_or(|connection| connection.server.identity == identity)
        };
        self.is_up() && self.shared.agreement.slots().iter().all(is_it)
    }

    /// Whether there is a connection, and Redis is fast enough to be of use.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.is_up()
    }

    /// Readers are better off with Postgres, until probes take less than `good`, and for `hold` at least.
    pub fn leave_as_slow(&self, good: Duration, hold: Duration) {
        if self.shared.breaker.open(good, hold, Instant::now()) == Change::Opened {
            self.shared.show();
            tracing::warn!(?good, ?hold, "redis is slower than postgres; reads go to postgres");
        }
    }

    /// Whether there is a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.is_connected()
    }

    /// How long a reply is waited for.
    #[must_use]
    pub fn command_timeout(&self) -> Duration {
        self.shared.config.command_timeout
    }

    /// How many connections broke or were given up so far.
    #[must_use]
    pub fn lost_connections(&self) -> u64 {
        self.shared.agreement.losses()
    }

    /// Waits until there is a connection, at most for `patience`; false when none came up.
    pub async fn wait_until_up(&self, patience: Duration) -> bool {
        time::timeout(patience, self.shared.agreement.connected()).await.is_ok()
    }
}

impl Shared {
    fn is_connected(&self) -> bool {
        self.agreement.is_connected()
    }

    fn is_up(&self) -> bool {
        self.is_connected() && !self.breaker.is_open()
    }

    fn show(&self) {
        self.metrics.up.set(i64::from(self.is_up()));
    }

    /// Returns when a connection does not answer or take writes any more, leads to another server than it did, or was ended.
    pub(crate) async fn watch(&self, connection: &Arc<Connection>) {
        loop {
            let interval = if self.breaker.is_open() { OPEN_INTERVAL } else { HEALTH_INTERVAL };
            tokio::select! {
                () = connection.broken.cancelled() => return,
                () = self.binder.database_changed(&connection.database) => return,
                () = connection.suspected.notified() => {}
                () = time::sleep(interval) => {}
            }
            match probe(connection).await {
                Ok(after) => self.note_probe(after),
                Err(error) => {
                    if matches!(error, RedisError::Split { .. } | RedisError::Renewed) {
                        // The others lead there too, or where this one led; either way they are made anew.
                        self.agreement.dissolve();
                    }
                    let error = &error as &dyn Error;
                    tracing::warn!(namespace = connection.namespace, error, "redis probe failed");
                    return;
                }
            }
            self.agreement.begin_after_grace();
            self.show();
        }
    }

    /// A new connection takes its place, if it leads where the others do.
    pub(crate) fn join(&self, place: Place, connection: &Arc<Connection>) -> Result<(), RedisError> {
        let joined = self.agreement.join(place, connection);
        self.show();
        if self.agreement.is_connected() {
            self.told.lock().clear();
        }
        joined
    }

    /// A new connection that nothing else is sent through leads where the others do, or all are ended.
    pub(crate) fn meet(&self, connection: &Arc<Connection>) -> Result<(), RedisError> {
        let met = self.agreement.meet(connection);
        self.show();
        met
    }

    /// Watches a connection that has joined, until it is over.
    pub(crate) async fn keep(&self, place: Place, connection: &Arc<Connection>) {
        self.watch(connection).await;
        self.leave(place, connection);
    }

    /// Gives a connection up.
    pub(crate) fn leave(&self, place: Place, connection: &Connection) {
        connection.give_up();
        self.agreement.leave(place);
        self.show();
    }

    /// Says where Redis should be and why it is not used; as a warning once for each cause in an outage, whichever connection
    /// it is.
    pub(crate) fn report(&self, error: &RedisError) {
        if matches!(error, RedisError::Refused(_)) {
            self.agreement.note_refusal();
        }
        let (address, error) = (self.config.url.to_string(), error as &dyn Error);
        let (mut text, mut source) = (error.to_string(), error.source());
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        let mut told = self.told.lock();
        if told.len() < MOST_CAUSES && told.insert(text) {
            tracing::warn!(address, error, "redis not reached");
        } else {
            tracing::debug!(address, error, "redis not reached");
        }
    }

    fn note_probe(&self, after: Duration) {
        if self.breaker.note_probe(after, Instant::now()) == Change::Closed {
            self.show();
            tracing::info!("redis is fast enough again");
        }
    }
}

/// Keeps one slot filled.
struct Supervisor {
    shared: Arc<Shared>,
    pool: Pool<Connector>,
    place: Place,
}

impl Supervisor {
    async fn run(&self) {
        let mut backoff = Backoff::default();
        loop {
            let wait = match self.connect().await {
                Ok((pooled, connection)) => {
                    let made_at = Instant::now();
                    tracing::info!(server = %connection.server, namespace = connection.namespace, "redis connected");
                    self.shared.keep(self.place, &connection).await;
                    tracing::warn!(server = %connection.server, "redis connection lost");
                    // Taken out of the pool, so that deadpool never hands this connection out again.
                    drop(Object::take(pooled));
                    backoff.ended(made_at.elapsed())
                }
                Err(error) => {
                    self.shared.report(&error);
                    backoff.failed()
                }
            };
            time::sleep(wait).await;
        }
    }

    async fn connect(&self) -> Result<(Object<Connector>, Arc<Connection>), RedisError> {
        self.shared.binder.database().await;
        let pooled = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => RedisError::Command(error),
            _timeout_or_closed => RedisError::Unavailable,
        })?;
        let bound = self.shared.binder.bind((*pooled).clone()).await;
        match bound.and_then(|connection| self.shared.join(self.place, &connection).map(|()| connection)) {
            Ok(connection) => Ok((pooled, connection)),
            Err(error) => {
                // The next attempt asks the address again.
                drop(Object::take(pooled));
                Err(error)
            }
        }
    }
}
