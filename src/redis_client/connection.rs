//! Keeps connections up: a task for each, which makes it, watches it, and makes the next when it broke.
//!
//! Requests never wait for a connection to be made. While none is up they are told so at once, and read Postgres.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use deadpool_redis::{Connection, Manager, Pool, Runtime};
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection, cmd};
use secrecy::ExposeSecret;
use tokio::{sync::Notify, time};
use tokio_util::sync::CancellationToken;

use super::{
    error::RedisError,
    handle::{Handle, Link},
    probe::probe,
};
use crate::{config::RedisConfig, shutdown::Shutdown, telemetry::metrics::Metrics};

/// How often a connection that nobody complains about is asked whether it still answers, and takes writes.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// The waits between attempts to connect grow from the first to the second, with jitter.
pub(super) const RECONNECT_BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How many hexadecimal digits of the `run_id` a key carries: 64 bits, so that two processes never share them.
const RUN_ID_DIGITS: usize = 16;

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
    /// Told whenever a slot was filled, for [`RedisClient::wait_until_up`].
    connected: Notify,
    metrics: Arc<Metrics>,
    pub(super) config: RedisConfig,
}

impl RedisClient {
    /// Starts the tasks that keep the connections; does not wait for them. They end with `shutdown`.
    ///
    /// # Errors
    ///
    /// When `REDIS_URL` cannot be understood.
    pub fn start(config: RedisConfig, metrics: Arc<Metrics>, shutdown: &Shutdown) -> Result<Self, RedisError> {
        let connection = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.connect_timeout))
            .set_response_timeout(Some(config.command_timeout));
        let manager = Manager::new_with_config(config.url.expose_secret(), connection)?;
        let pool = Pool::builder(manager)
            .max_size(config.connections)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(config.connect_timeout))
            .recycle_timeout(Some(config.command_timeout))
            .wait_timeout(Some(config.connect_timeout))
            .build()
            .expect("a pool with a runtime can be built");
        let slots = (0..config.connections).map(|_| ArcSwapOption::empty()).collect();
        let shared = Arc::new(Shared {
            slots,
            next: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            connected: Notify::new(),
            metrics,
            config,
        });
        for slot in 0..shared.slots.len() {
            let keeper = Keeper { shared: Arc::clone(&shared), pool: pool.clone(), slot };
            shutdown.spawn_until_drained(async move { keeper.run().await });
        }
        Ok(Self { shared })
    }

    /// A connection that works as far as is known; successive calls take turns. Never waits.
    ///
    /// # Errors
    ///
    /// [`RedisError::Unavailable`] while there is none.
    pub fn handle(&self) -> Result<Handle, RedisError> {
        let slots = &self.shared.slots;
        let first = self.shared.next.fetch_add(1, Ordering::Relaxed);
        (0..slots.len())
            .find_map(|at| slots[(first + at) % slots.len()].load_full())
            .map(Handle::new)
            .ok_or(RedisError::Unavailable)
    }

    /// Whether a connection is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.slots.iter().any(|slot| slot.load().is_some())
    }

    /// How many connections broke so far.
    #[must_use]
    pub fn lost_connections(&self) -> u64 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    /// Waits until a connection is up, at most for `patience`; false when none came up.
    pub async fn wait_until_up(&self, patience: Duration) -> bool {
        let up = async {
            loop {
                let told = self.shared.connected.notified();
                if self.is_up() {
                    return;
                }
                told.await;
            }
        };
        time::timeout(patience, up).await.is_ok()
    }
}

impl Shared {
    /// A new connection with the name of the process it leads to, once it was found to be good.
    pub(super) async fn link(&self, mut connection: MultiplexedConnection) -> Result<Arc<Link>, RedisError> {
        let info: String = cmd("INFO").arg("server").query_async(&mut connection).await?;
        let run_id = info
            .lines()
            .find_map(|line| line.strip_prefix("run_id:"))
            .and_then(|id| id.trim().get(..RUN_ID_DIGITS))
            .ok_or(RedisError::UnexpectedReply { command: "INFO server" })?;
        let link = Link {
            connection,
            namespace: format!("{}{run_id}:", self.config.key_prefix),
            duration: self.metrics.redis_command_duration.clone(),
            broken: CancellationToken::new(),
            suspected: Notify::new(),
        };
        let link = Arc::new(link);
        probe(&link).await?;
        Ok(link)
    }
}

/// Returns when a connection does not answer or take writes any more, or a command found it broken.
pub(super) async fn watch(link: &Arc<Link>) {
    loop {
        tokio::select! {
            () = link.broken.cancelled() => return,
            () = link.suspected.notified() => {}
            () = time::sleep(HEALTH_INTERVAL) => {}
        }
        if let Err(error) = probe(link).await {
            tracing::warn!(namespace = link.namespace, error = &error as &dyn std::error::Error, "redis probe failed");
            return;
        }
    }
}

/// Once for each outage an operator is told whether Redis is away or refuses us.
pub(super) fn report(error: &RedisError, what: &str, is_news: bool) {
    let error = error as &dyn std::error::Error;
    if is_news {
        tracing::warn!(error, "{what}");
    } else {
        tracing::debug!(error, "{what}");
    }
}

/// Waits before the next attempt to connect, longer each time, with jitter.
pub(super) async fn back_off(backoff: &mut Duration) {
    time::sleep(backoff.mul_f64(rand::random_range(0.5..1.0))).await;
    *backoff = (*backoff * 2).min(RECONNECT_BACKOFF.1);
}

/// Keeps one slot filled.
struct Keeper {
    shared: Arc<Shared>,
    pool: Pool,
    slot: usize,
}

impl Keeper {
    async fn run(&self) {
        let mut backoff = RECONNECT_BACKOFF.0;
        loop {
            match self.connect().await {
                Ok((pooled, link)) => {
                    backoff = RECONNECT_BACKOFF.0;
                    tracing::info!(slot = self.slot, namespace = link.namespace, "redis connected");
                    self.publish(Some(Arc::clone(&link)));
                    watch(&link).await;
                    self.shared.lost.fetch_add(1, Ordering::SeqCst);
                    self.publish(None);
                    tracing::warn!(slot = self.slot, "redis connection lost");
                    // Taken out of the pool, so that deadpool never hands this connection out again.
                    drop(Connection::take(pooled));
                }
                Err(error) => {
                    report(&error, "redis not reached", backoff == RECONNECT_BACKOFF.0);
                    back_off(&mut backoff).await;
                }
            }
        }
    }

    async fn connect(&self) -> Result<(Connection, Arc<Link>), RedisError> {
        let pooled = self.pool.get().await.map_err(|error| match error {
            deadpool_redis::PoolError::Backend(error) => RedisError::Command(error),
            _timeout_or_closed => RedisError::Unavailable,
        })?;
        let link = self.shared.link((*pooled).clone()).await?;
        Ok((pooled, link))
    }

    fn publish(&self, link: Option<Arc<Link>>) {
        self.shared.slots[self.slot].store(link);
        let up = self.shared.slots.iter().any(|slot| slot.load().is_some());
        self.shared.metrics.redis_up.set(i64::from(up));
        if up {
            self.shared.connected.notify_waiters();
        }
    }
}
