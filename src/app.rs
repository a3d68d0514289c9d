//! The composition root: a [`Config`] becomes an [`Application`]. `aside serve` and the tests build it the same way.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use aside_cache::Cache;
use aside_limiter::Limiter;
use aside_postgres::{Database, MigrationError, PostgresUnusable};
use aside_redis::{RedisClient, RedisError};
use aside_runtime::{clock::Clock, shutdown::Shutdown};
use futures::FutureExt;
use tokio::{
    net::{TcpListener, TcpSocket},
    time,
};

use crate::{
    auth::{HashError, PasswordHasher},
    config::{Config, HttpConfig},
    http::{
        self, admin,
        cookie::SessionCookie,
        readiness::{Probe, Readiness, SCHEMA},
        server,
        state::{ApiParts, ApiState},
        token_lookups::TokenLookups,
    },
    postgres, rate_limit,
    repository::{
        self, FollowRepository, HomeRepository, PostRepository, SessionRepository, SessionUpkeep, UserRepository,
    },
    telemetry::metrics::Metrics,
};

/// The longest wait for Postgres of a start that migrates.
const LONGEST_WAIT_FOR_POSTGRES: Duration = Duration::from_mins(1);

/// The longest wait for Redis at the start. The service also runs without it.
const WAIT_FOR_REDIS: Duration = Duration::from_secs(1);

/// The longest wait for background tasks at the end: one batch of sessions to write back.
const WAIT_FOR_TASKS: Duration = Duration::from_secs(2);

/// The interval at which the pool's numbers are copied to the metrics.
const OBSERVE_INTERVAL: Duration = Duration::from_secs(1);

/// One replica, ready to serve.
#[derive(Debug)]
pub struct Application {
    config: Config,
    database: Database,
    cache: Cache,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    shutdown: Shutdown,
    state: ApiState,
    public: TcpListener,
    admin: TcpListener,
}

/// Why a replica cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({variable})")]
    Listen {
        /// The setting that names the address.
        variable: &'static str,
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Postgres did not answer in time, or cannot be used as it is.
    #[error(transparent)]
    Postgres(#[from] PostgresUnusable),
    /// `REDIS_URL` cannot be used. A Redis that is down is no error.
    #[error("REDIS_URL cannot be used")]
    Redis(#[from] RedisError),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] MigrationError),
    /// The password hasher does not work here.
    #[error("passwords cannot be hashed")]
    Hash(#[from] HashError),
}

impl Application {
    /// Builds all parts and binds the ports. Does not serve yet, and needs neither Postgres nor Redis.
    pub fn build(config: Config) -> Result<Self, StartError> {
        Self::build_with_clock(config, &Clock::system())
    }

    /// As [`build`](Self::build), with a clock that a test can move.
    pub fn build_with_clock(config: Config, clock: &Clock) -> Result<Self, StartError> {
        let public = listen("LISTEN_ADDR", config.http.listen)?;
        let admin = listen("ADMIN_ADDR", config.http.admin)?;

        let (metrics, shutdown) = (Arc::new(Metrics::new()), Shutdown::new());
        let database = postgres::database(config.database.clone());
        let redis = RedisClient::start(&config.redis, metrics.redis.clone(), &shutdown)?;
        shutdown.spawn_until_drained(database.clone().watch());
        let cache = Cache::builder(redis.clone(), database.clone())
            .options(config.cache.options.clone())
            .metrics(metrics.cache.clone())
            .clock(clock.clone())
            .shutdown(shutdown.clone())
            .start();
        let limiter = rate_limit::limiter(&config.rate_limit, &redis, &metrics.limiter, &shutdown);
        let upkeep = SessionUpkeep::start(database.clone(), clock.clone(), &config.session, &shutdown);
        let state =
            Foundation { config: &config, database: &database, cache: &cache, clock }.api_state(limiter, upkeep)?;
        repository::account_deletions::start(database.clone(), &shutdown);
        let readiness = Readiness::new(shutdown.clone(), probe(database.clone(), redis.clone()));
        shutdown.spawn_until_drained(observe(database.clone(), Arc::clone(&metrics)));

        Ok(Self { config, database, cache, metrics, readiness, shutdown, state, public, admin })
    }

    /// Where the public API listens.
    #[must_use]
    pub fn public_address(&self) -> SocketAddr {
        self.public.local_addr().expect("a listener has an address")
    }

    /// Where the admin server listens.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.local_addr().expect("a listener has an address")
    }

    /// The state behind `/readyz`.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Stops the application, from any task.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Waits until Postgres answers, and brings its schema up to date.
    pub async fn migrate(&self) -> Result<(), StartError> {
        bring_up_to_date(&self.database).await
    }

    /// Serves until the shutdown starts, then finishes the running requests. With `migrate`, health is served at once, and requests
    /// after the migrations.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends everything at once.
    pub async fn serve(self, migrate: bool) -> Result<(), StartError> {
        // The admin server ends last: until then `/readyz` reports the shutdown.
        let no_admin = Shutdown::new();
        let address = self.public_address();
        let admin = admin::router(Arc::clone(&self.metrics), self.readiness.clone());
        let of_admin =
            HttpConfig { max_connections: self.config.http.max_admin_connections, ..self.config.http.clone() };
        let shutdown = self.shutdown.clone();
        let database = self.database.clone();
        let (listener, stop) = (self.admin, no_admin.clone());
        let admin = tokio::spawn(async move { server::serve(listener, admin, &of_admin, &stop).await });

        let is_interrupted = tokio::select! {
            biased;
            () = shutdown.started() => true,
            prepared = prepare(&database, &self.cache, &self.readiness, migrate) => { prepared?; false }
        };
        if !is_interrupted {
            tracing::info!(%address, mode = ?self.config.cache.options.mode, "serving");
            let api = http::api(self.state, &self.config.http, Arc::clone(&self.metrics));
            server::serve(self.public, api, &self.config.http, &shutdown).await;
        }

        shutdown.drain();
        if time::timeout(WAIT_FOR_TASKS, shutdown.finished()).await.is_err() {
            tracing::warn!("background tasks did not end in time");
        }
        no_admin.start();
        let _stopped = admin.await;
        database.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Backlog: after a restart all clients reconnect at once, and a dropped SYN costs 1 s. The system may allow fewer.
const BACKLOG: u32 = 4_096;

fn listen(variable: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Binds a port that still has connections in TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|source| StartError::Listen { variable, address, source })
}

/// The dependencies of the repositories.
struct Foundation<'a> {
    config: &'a Config,
    database: &'a Database,
    cache: &'a Cache,
    clock: &'a Clock,
}

impl Foundation<'_> {
    /// The parts that handlers use.
    fn api_state(&self, limiter: Limiter, upkeep: SessionUpkeep) -> Result<ApiState, StartError> {
        let (database, cache) = (|| self.database.clone(), || self.cache.clone());
        let (ttl, clock) = (self.config.cache.ttl, || self.clock.clone());
        let hasher = PasswordHasher::new(&self.config.session)?;
        let users = UserRepository::new(database(), cache(), ttl, clock());
        let posts = PostRepository::new(database(), cache(), ttl, clock(), &users);
        let config = self.config.session.clone();
        let sessions = SessionRepository::new(database(), cache(), ttl, clock(), config, hasher.clone(), upkeep);
        let parts = ApiParts {
            follows: Arc::new(FollowRepository::new(database(), cache(), clock(), &users)),
            home: Arc::new(HomeRepository::new(database(), cache(), &self.config.cache, &users, &posts)),
            sessions: Arc::new(sessions),
            users: Arc::new(users),
            posts: Arc::new(posts),
            cookie: SessionCookie::for_url(&self.config.http.public_url),
            clock: clock(),
            hasher,
            limiter,
            token_lookups: TokenLookups::new(self.config.database.queue_timeout),
        };
        Ok(parts.into())
    }
}

/// Names the dependencies that are down.
fn probe(database: Database, redis: RedisClient) -> Probe {
    Arc::new(move || {
        let (database, redis) = (database.clone(), redis.clone());
        async move {
            let postgres = database.is_up().await;
            // While Postgres is down, the last known state of the schema counts.
            let schema = database.has_usable_schema().await;
            let missing = [("postgres", postgres), ("redis", redis.is_up()), (SCHEMA, schema)];
            missing.into_iter().filter_map(|(name, is_up)| (!is_up).then_some(name)).collect()
        }
        .boxed()
    })
}

/// Waits until requests can be served. Without `migrate` Postgres may be down, but permanent errors stop the start.
async fn prepare(database: &Database, cache: &Cache, readiness: &Readiness, migrate: bool) -> Result<(), StartError> {
    if migrate {
        bring_up_to_date(database).await?;
    } else {
        match database.examine().await {
            Err(error) if error.is_permanent() => return Err(error.into()),
            Err(error) => tracing::warn!("{error}"),
            Ok(()) => {}
        }
    }
    readiness.set_migrated();
    if time::timeout(WAIT_FOR_REDIS, cache.trusted()).await.is_err() {
        tracing::warn!("redis is out of reach; serving from postgres until it is back");
    }
    Ok(())
}

/// Waits until Postgres can be used, and brings its schema up to date.
pub async fn bring_up_to_date(database: &Database) -> Result<(), StartError> {
    database.wait_until_usable(LONGEST_WAIT_FOR_POSTGRES).await?;
    Ok(database.migrate().await?)
}

async fn observe(database: Database, metrics: Arc<Metrics>) {
    let mut ticks = time::interval(OBSERVE_INTERVAL);
    loop {
        ticks.tick().await;
        database.observe(&metrics.pool);
    }
}
