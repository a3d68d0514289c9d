//! Keeps connections up: a task for each, which makes it, watches it, and makes the next when it broke.
//!
//! Requests never wait for a connection to be made. While none is up they are told so at once, and read Postgres.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use deadpool::managed::{Object, Pool, PoolError};
use deadpool_redis::Runtime;
use redis::{AsyncConnectionConfig, Client};
use secrecy::ExposeSecret;
use tokio::{sync::Notify, time};

use super::{
    binding::Binder,
    breaker::{Breaker, Change},
    connector::Connector,
    error::RedisError,
    handle::{Handle, Link},
    probe::probe,
};
use crate::{backoff::Backoff, config::RedisConfig, shutdown::Shutdown, telemetry::metrics::Metrics};

/// How often a connection that nobody complains about is asked whether it still answers, and takes writes.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// The same while the circuit breaker is open.
const OPEN_INTERVAL: Duration = Duration::from_millis(100);

/// The way to Redis. Clones share the connections.
#[derive(Clone, Debug)]
pub struct RedisClient {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    slots: Box<[ArcSwapOption<Link>]>,
    next: AtomicUsize,
    /// Connections that broke so far.
    lost: AtomicU64,
    /// Whether it was said why none can be made, since one was last made.
    outage_reported: AtomicBool,
    /// Told whenever a slot was filled, for [`RedisClient::wait_until_up`].
    connected: Notify,
    breaker: Arc<Breaker>,
    pub(super) binder: Binder,
    metrics: Arc<Metrics>,
    pub(super) config: RedisConfig,
}

impl RedisClient {
    /// Starts the tasks that keep the connections; does not wait for them. They end with `shutdown`.
    ///
    /// # Errors
    ///
    /// When `REDIS_URL` cannot be understood.
    pub fn start(config: &RedisConfig, metrics: Arc<Metrics>, shutdown: &Shutdown) -> Result<Self, RedisError> {
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
        let slots = (0..config.connections).map(|_| ArcSwapOption::empty()).collect();
        let breaker = Arc::new(Breaker::new(config.command_timeout));
        let shared = Arc::new(Shared {
            binder: Binder::new(&config.key_prefix, Arc::clone(&breaker), &metrics),
            breaker,
            slots,
            next: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            outage_reported: AtomicBool::new(false),
            connected: Notify::new(),
            metrics,
            config: config.clone(),
        });
        for slot in 0..shared.slots.len() {
            let keeper = Keeper { shared: Arc::clone(&shared), pool: pool.clone(), slot };
            shutdown.spawn_until_drained(async move { keeper.run().await });
        }
        Ok(Self { shared })
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
        let slots = &self.shared.slots;
        let first = self.shared.next.fetch_add(1, Ordering::Relaxed);
        (0..slots.len())
            .filter_map(|at| slots[(first + at) % slots.len()].load_full())
            .find(|link| !link.broken.is_cancelled())
            .map(Handle::new)
            .ok_or(RedisError::Unavailable)
    }

    /// Whether whatever [`handle`](Self::handle) gives leads to the Redis process of this namespace. Every read asks, so it
    /// writes nothing that the other cores read.
    #[must_use]
    pub fn leads_to(&self, namespace: &str) -> bool {
        let is_it = |slot: &ArcSwapOption<Link>| slot.load().as_ref().is_none_or(|link| link.namespace == namespace);
        self.is_up() && self.shared.slots.iter().all(is_it)
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

    /// How many connections broke so far.
    #[must_use]
    pub fn lost_connections(&self) -> u64 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    /// Waits until there is a connection, at most for `patience`; false when none came up.
    pub async fn wait_until_up(&self, patience: Duration) -> bool {
        let up = async {
            loop {
                let told = self.shared.connected.notified();
                if self.is_connected() {
                    return;
                }
                told.await;
            }
        };
        time::timeout(patience, up).await.is_ok()
    }
}

impl Shared {
    fn is_connected(&self) -> bool {
        self.slots.iter().any(|slot| slot.load().as_ref().is_some_and(|link| !link.broken.is_cancelled()))
    }

    fn is_up(&self) -> bool {
        self.is_connected() && !self.breaker.is_open()
    }

    /// Says where Redis should be and why it is not reached; as a warning once for each outage, whichever connection it is.
    pub(super) fn report(&self, error: &RedisError, what: &str) {
        let (address, error) = (self.config.address(), error as &dyn std::error::Error);
        if self.outage_reported.swap(true, Ordering::Relaxed) {
            tracing::debug!(address, error, "{what}");
        } else {
            tracing::warn!(address, error, "{what}");
        }
    }

    fn show(&self) {
        self.metrics.redis_up.set(i64::from(self.is_up()));
    }

    /// Returns when a connection does not answer or take writes any more, or a command found it broken.
    pub(super) async fn watch(&self, link: &Arc<Link>) {
        loop {
            let interval = if self.breaker.is_open() { OPEN_INTERVAL } else { HEALTH_INTERVAL };
            tokio::select! {
                () = link.broken.cancelled() => return,
                () = link.suspected.notified() => {}
                () = time::sleep(interval) => {}
            }
            match probe(link).await {
                Ok(after) => self.note_probe(after),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(namespace = link.namespace, error, "redis probe failed");
                    return;
                }
            }
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
struct Keeper {
    shared: Arc<Shared>,
    pool: Pool<Connector>,
    slot: usize,
}

impl Keeper {
    async fn run(&self) {
        let mut backoff = Backoff::default();
        loop {
            let wait = match self.connect().await {
                Ok((pooled, link)) => {
                    let made_at = Instant::now();
                    tracing::info!(slot = self.slot, namespace = link.namespace, "redis connected");
                    self.publish(Some(Arc::clone(&link)));
                    self.shared.watch(&link).await;
                    self.shared.lost.fetch_add(1, Ordering::SeqCst);
                    self.publish(None);
                    tracing::warn!(slot = self.slot, "redis connection lost");
                    // Taken out of the pool, so that deadpool never hands this connection out again.
                    drop(Object::take(pooled));
                    backoff.ended(made_at.elapsed())
                }
                Err(error) => {
                    self.shared.report(&error, "redis not reached");
                    backoff.failed()
                }
            };
            time::sleep(wait).await;
        }
    }

    async fn connect(&self) -> Result<(Object<Connector>, Arc<Link>), RedisError> {
        let pooled = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => RedisError::Command(error),
            _timeout_or_closed => RedisError::Unavailable,
        })?;
        let link = self.shared.binder.bind(pooled.connection.clone()).await?;
        Ok((pooled, link))
    }

    fn publish(&self, link: Option<Arc<Link>>) {
        self.shared.outage_reported.store(false, Ordering::Relaxed);
        self.shared.slots[self.slot].store(link);
        self.shared.show();
        if self.shared.is_connected() {
            self.shared.connected.notify_waiters();
        }
    }
}
