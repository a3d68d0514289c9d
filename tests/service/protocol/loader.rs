//! A loader over a table of the test's own. Once its statement was answered it waits, if the test wants it to, for what the
//! test orders.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use aside_cache::{LoadError, Loaded, Loader};
use bytes::Bytes;
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};

use super::things::ENTITY;

/// What a replica's loader has done.
#[derive(Default)]
pub(super) struct Loads {
    /// Whether loads wait.
    pub(super) hold: AtomicBool,
    /// Statements issued.
    pub(super) statements: AtomicUsize,
    under_way: AtomicUsize,
    /// The most loads that were ever under way at once.
    pub(super) most_at_once: AtomicUsize,
}

/// Loads things from the table.
#[derive(Clone)]
pub(super) struct ThingLoader {
    pub(super) pool: PgPool,
    pub(super) loads: Arc<Loads>,
    pub(super) arrivals: mpsc::UnboundedSender<HeldLoad>,
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
