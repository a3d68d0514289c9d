//! The cache by itself, over a table of the test's own: replicas whose loads a test holds still.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use aside::{
    cache::{Cache, CellName, Ended, Fetched, LoadError, Loaded, Loader, ReadThrough},
    clock::Clock,
    config::{CacheConfig, CacheMode, RedisConfig},
    redis_client::cmd,
    shutdown::Shutdown,
    telemetry::metrics::EntityLabels,
};
use bytes::Bytes;
use sqlx::PgPool;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
    time::Duration,
};

use super::cells::{self, Cells};
use crate::{
    test_database::TestDatabase,
    test_redis::{self, TestRedis},
};

/// The kind of these cells.
const ENTITY: &str = "thing";

/// A table of things, and a prefix in Redis for their cells.
pub(super) struct Things {
    /// Past the cache.
    pub(super) pool: PgPool,
    /// Where replicas keep their cells.
    pub(super) redis: RedisConfig,
    _database: TestDatabase,
}

impl Things {
    /// The first of the things has this body, in the Redis of the environment.
    pub(super) async fn with(body: &str) -> Self {
        Self::in_redis(test_redis::config(&test_redis::url()), body).await
    }

    /// As [`with`](Self::with), in another Redis.
    pub(super) async fn in_redis(redis: RedisConfig, body: &str) -> Self {
        let database = TestDatabase::create().await;
        let pool = database.pool().await;
        let create = "CREATE TABLE things (id bigint PRIMARY KEY, body text NOT NULL)";
        sqlx::query(create).execute(&pool).await.expect("tables can be made");
        let things = Self { pool, redis, _database: database };
        things.set(&things.pool, 1, body).await;
        things
    }

    /// Changes a thing, or makes it, past the cache.
    pub(super) async fn set(&self, executor: impl sqlx::PgExecutor<'_>, id: i64, body: &str) {
        let upsert = "INSERT INTO things VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
        sqlx::query(upsert).bind(id).bind(body).execute(executor).await.expect("rows can be written");
    }

    /// Changes a thing, or makes it, step by step as `repository::write` does.
    pub(super) async fn write(&self, replica: &CacheReplica, id: i64, body: &str) {
        let mut transaction = self.pool.begin().await.expect("a transaction");
        self.set(&mut *transaction, id, body).await;
        let fence = replica.cache.fence(vec![cell(id)]).await;
        transaction.commit().await.expect("it commits");
        fence.lift(Ended::Committed).await;
    }

    /// The cells in Redis.
    pub(super) async fn cells(&self) -> Cells {
        Cells::seen_by(TestRedis::connect(self.redis.clone()).await)
    }

    /// A replica whose leases, fences and waits are longer than any test.
    pub(super) async fn replica(&self) -> CacheReplica {
        self.replica_with(|config| config).await
    }

    /// As [`replica`](Self::replica), with other settings.
    pub(super) async fn replica_with(&self, change: impl FnOnce(CacheConfig) -> CacheConfig) -> CacheReplica {
        self.replica_for(change, 8).await
    }

    /// As [`replica_with`](Self::replica_with), with room for this many loads at once.
    pub(super) async fn replica_for(
        &self,
        change: impl FnOnce(CacheConfig) -> CacheConfig,
        max_loads: usize,
    ) -> CacheReplica {
        let redis = TestRedis::connect(self.redis.clone()).await;
        let metrics = Arc::clone(&redis.metrics);
        let config = change(long_lives());
        let cache = Cache::new(redis.client.clone(), config, max_loads, Clock::system(), metrics, Shutdown::new());
        CacheReplica::new(cache, Arc::new(redis), self.pool.clone())
    }
}

fn long_lives() -> CacheConfig {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    CacheConfig {
        mode: CacheMode::Redis,
        ttl: minutes(10),
        front_page_ttl: minutes(1),
        negative_ttl: Duration::from_secs(5),
        lease: minutes(2),
        fence: minutes(2),
        lease_wait: minutes(2),
        load_wait: minutes(2),
    }
}

/// The cell of a thing.
pub(super) fn cell(id: i64) -> CellName {
    CellName::new(ENTITY, &id)
}

/// The name of that cell's key.
pub(super) fn key(id: i64) -> String {
    cell(id).as_str().to_owned()
}

/// What a read found.
pub(super) fn body(fetched: &Fetched) -> Option<&str> {
    fetched.value.payload.as_deref().map(|body| std::str::from_utf8(body).expect("bodies are text"))
}

/// The cache of one process.
pub(super) struct CacheReplica {
    pub(super) cache: Cache,
    things: ReadThrough<ThingLoader>,
    redis: Arc<TestRedis>,
    loads: Arc<Loads>,
    held: Mutex<mpsc::UnboundedReceiver<HeldLoad>>,
}

impl CacheReplica {
    fn new(cache: Cache, redis: Arc<TestRedis>, pool: PgPool) -> Self {
        let (arrivals, held) = mpsc::unbounded_channel();
        let loads = Arc::<Loads>::default();
        let ttl = cache.ttl();
        let loader = ThingLoader { pool, loads: Arc::clone(&loads), arrivals };
        let things = ReadThrough::new(cache.clone(), loader, ttl);
        Self { cache, things, redis, loads, held: Mutex::new(held) }
    }

    /// Another reader of the same process, which shares no flights with this one.
    pub(super) fn twin(&self, things: &Things) -> Self {
        Self::new(self.cache.clone(), Arc::clone(&self.redis), things.pool.clone())
    }

    /// Reads in a task of its own.
    pub(super) fn reading(&self, ids: &[i64]) -> JoinHandle<Result<Vec<Fetched>, LoadError>> {
        let (things, ids) = (self.things.clone(), ids.to_vec());
        tokio::spawn(async move { things.get_many(&ids).await })
    }

    /// Reads one thing, or says why not.
    pub(super) async fn try_read(&self, id: i64) -> Result<Fetched, LoadError> {
        self.things.get(&id).await
    }

    /// Reads one thing.
    pub(super) async fn read(&self, id: i64) -> Fetched {
        self.try_read(id).await.expect("the read is answered")
    }

    /// From now on every load waits, once its statement was answered.
    pub(super) fn hold_loads(&self) {
        self.loads.hold.store(true, Ordering::SeqCst);
    }

    /// Loads that begin from now on do not wait.
    pub(super) fn let_loads_pass(&self) {
        self.loads.hold.store(false, Ordering::SeqCst);
    }

    /// The next load that waits.
    pub(super) async fn held_load(&self) -> HeldLoad {
        self.held.lock().await.recv().await.expect("the loader is there")
    }

    /// Statements issued so far.
    pub(super) fn statements(&self) -> usize {
        self.loads.statements.load(Ordering::SeqCst)
    }

    /// The most loads that were ever under way at once.
    pub(super) fn most_at_once(&self) -> usize {
        self.loads.most_at_once.load(Ordering::SeqCst)
    }

    /// `cache_loads_total` of these cells.
    pub(super) fn counted_loads(&self) -> u64 {
        self.redis.metrics.cache_loads.get_or_create(&EntityLabels { entity: ENTITY }).get()
    }

    /// `cache_fills_rejected_total` of these cells.
    pub(super) fn rejected_fills(&self) -> u64 {
        self.redis.metrics.cache_fills_rejected.get_or_create(&EntityLabels { entity: ENTITY }).get()
    }

    /// Lets all reads that were spawned get as far as they can: they share one connection, whose replies come in order.
    pub(super) async fn settle(&self) {
        for _round_trip in 0..4 {
            tokio::task::yield_now().await;
            cells::run(&self.redis, cmd("PING")).await;
        }
    }
}

/// What a replica's loader has done.
#[derive(Default)]
struct Loads {
    hold: AtomicBool,
    statements: AtomicUsize,
    under_way: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// Loads things from the table.
pub(super) struct ThingLoader {
    pool: PgPool,
    loads: Arc<Loads>,
    arrivals: mpsc::UnboundedSender<HeldLoad>,
}

impl Loader for ThingLoader {
    const ENTITY: &'static str = ENTITY;
    type Id = i64;

    async fn load(&self, ids: &[i64]) -> Result<Vec<Loaded>, LoadError> {
        let _under_way = UnderWay::begin(&self.loads);
        let select = sqlx::query_as("SELECT id, body FROM things WHERE id = ANY($1)").bind(ids);
        let rows: Vec<(i64, String)> = select.fetch_all(&self.pool).await.map_err(LoadError::source)?;
        if self.loads.hold.load(Ordering::SeqCst) {
            let (order, ordered) = oneshot::channel();
            let _nobody_holds = self.arrivals.send(HeldLoad { ids: ids.to_vec(), order });
            match ordered.await {
                Ok(Order::GoOn) => {}
                Ok(Order::Fail) => return Err(LoadError::source(sqlx::Error::WorkerCrashed)),
                Ok(Order::Panic) => panic!("as the test wants it"),
                Err(_the_test_is_over) => return Err(LoadError::Aborted),
            }
        }
        let find = |id: &i64| rows.iter().find(|(found, _)| found == id);
        let loaded = |(_, body): &(i64, String)| Loaded::present(Bytes::from(body.clone()), 1);
        Ok(ids.iter().map(|id| find(id).map_or_else(Loaded::absent, loaded)).collect())
    }
}

/// Counts a load while it lasts.
struct UnderWay<'a>(&'a Loads);

impl<'a> UnderWay<'a> {
    fn begin(loads: &'a Loads) -> Self {
        loads.statements.fetch_add(1, Ordering::SeqCst);
        let under_way = loads.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        loads.most_at_once.fetch_max(under_way, Ordering::SeqCst);
        Self(loads)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A load whose statement was answered, and which waits for what the test orders.
pub(super) struct HeldLoad {
    /// What it loads.
    pub(super) ids: Vec<i64>,
    order: oneshot::Sender<Order>,
}

enum Order {
    GoOn,
    Fail,
    Panic,
}

impl HeldLoad {
    /// Gives what was read.
    pub(super) fn go_on(self) {
        self.give(Order::GoOn);
    }

    /// Gives an error.
    pub(super) fn fail(self) {
        self.give(Order::Fail);
    }

    /// Panics.
    pub(super) fn panic(self) {
        self.give(Order::Panic);
    }

    fn give(self, order: Order) {
        let _gone = self.order.send(order);
    }
}
