//! The cache of one process, without the process: readers as tasks, loads that a test holds still.

use std::sync::{Arc, atomic::Ordering};

use aside_cache::{Cache, EntityLabels, Fetched, LoadError, Protocol, ReadThrough, Verifier};
use aside_redis::cmd;
use aside_runtime::{clock::Clock, shutdown::Shutdown};
use sqlx::PgPool;
use tokio::{
    sync::{Mutex, mpsc},
    task::{JoinError, JoinHandle},
    time,
};

use super::{
    PATIENCE, entries,
    loader::{HeldLoad, Loads, ThingLoader},
    things::{ENTITY, TTL, Things},
};
use crate::test_redis::TestRedis;

/// The cache of one process.
pub(super) struct CacheReplica {
    pub(super) cache: Protocol,
    whole: Cache,
    /// Its time.
    pub(super) clock: Clock,
    shutdown: Shutdown,
    things: ReadThrough<ThingLoader>,
    loader: ThingLoader,
    redis: Arc<TestRedis>,
    loads: Arc<Loads>,
    held: Mutex<mpsc::UnboundedReceiver<HeldLoad>>,
}

impl CacheReplica {
    pub(super) fn new(whole: Cache, clock: Clock, shutdown: Shutdown, redis: Arc<TestRedis>, pool: PgPool) -> Self {
        let (arrivals, held) = mpsc::unbounded_channel();
        let loads = Arc::<Loads>::default();
        let loader = ThingLoader { pool, loads: Arc::clone(&loads), arrivals };
        let (cache, things) = (whole.protocol().clone(), whole.entity(loader.clone(), TTL));
        Self { cache, whole, clock, shutdown, things, loader, redis, loads, held: Mutex::new(held) }
    }

    /// Another reader of the same process, which shares no flights with this one.
    pub(super) fn twin(&self, things: &Things) -> Self {
        let (clock, shutdown) = (self.clock.clone(), self.shutdown.clone());
        Self::new(self.whole.clone(), clock, shutdown, Arc::clone(&self.redis), things.pool.clone())
    }

    /// Reads in a task of its own.
    pub(super) fn reading(&self, ids: &[i64]) -> Reading {
        let (things, ids) = (self.things.clone(), ids.to_vec());
        Reading(tokio::spawn(async move { things.get_many(&ids).await }))
    }

    /// Reads one thing, or says why not.
    pub(super) async fn try_read(&self, id: i64) -> Result<Fetched, LoadError> {
        time::timeout(PATIENCE, self.things.get(&id)).await.expect("a read ends")
    }

    /// Reads one thing.
    pub(super) async fn read(&self, id: i64) -> Fetched {
        self.try_read(id).await.expect("the read is answered")
    }

    /// Holds its entries against the table.
    pub(super) fn verifier(&self) -> Verifier<ThingLoader> {
        Verifier::new(self.cache.clone(), Arc::new(self.loader.clone()))
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
        let next = async { self.held.lock().await.recv().await.expect("the loader is there") };
        time::timeout(PATIENCE, next).await.expect("a load begins")
    }

    /// Waits until all that was started in the background is over.
    pub(super) async fn at_rest(&self) {
        self.shutdown.drain();
        time::timeout(PATIENCE, self.shutdown.finished()).await.expect("what is under way ends");
    }

    /// Statements issued so far.
    pub(super) fn statements(&self) -> usize {
        self.loads.statements.load(Ordering::SeqCst)
    }

    /// The most loads that were ever under way at once.
    pub(super) fn most_at_once(&self) -> usize {
        self.loads.most_at_once.load(Ordering::SeqCst)
    }

    /// `cache_loads_total` of these entries.
    pub(super) fn counted_loads(&self) -> u64 {
        self.redis.metrics.cache.loads.get_or_create(&EntityLabels { entity: ENTITY }).get()
    }

    /// `cache_fills_rejected_total` of these entries.
    pub(super) fn rejected_fills(&self) -> u64 {
        self.redis.metrics.cache.fills_rejected.get_or_create(&EntityLabels { entity: ENTITY }).get()
    }

    /// Lets all reads that were spawned get as far as they can: they share one connection, whose replies come in order.
    pub(super) async fn settle(&self) {
        for _round_trip in 0..4 {
            tokio::task::yield_now().await;
            entries::run(&self.redis, cmd("PING")).await;
        }
    }
}

/// A read under way.
pub(super) struct Reading(JoinHandle<Result<Vec<Fetched>, LoadError>>);

impl Reading {
    /// What came of it.
    pub(super) async fn result(self) -> Result<Vec<Fetched>, LoadError> {
        time::timeout(PATIENCE, self.0).await.expect("a read ends").expect("a reader does not panic")
    }

    /// The entries that were read.
    pub(super) async fn all(self) -> Vec<Fetched> {
        self.result().await.expect("the read is answered")
    }

    /// The one entry that was read.
    pub(super) async fn one(self) -> Fetched {
        self.all().await.pop().expect("an entry")
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    /// Goes away.
    pub(super) async fn give_up(self) {
        self.0.abort();
        assert!(self.0.await.is_err_and(|ended: JoinError| ended.is_cancelled()), "it was still under way");
    }
}
