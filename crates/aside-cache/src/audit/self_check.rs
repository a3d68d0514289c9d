//! The self-check: holds what is cached against Postgres, in production, counts what is wrong and throws it away.
//!
//! It should find nothing, ever. What it finds is a bug here, a bit that fell over, somebody who wrote into Redis by hand, or
//! rows that were changed past the triggers (`TRUNCATE`, a restore). It looks at two things:
//!
//! - cells that were invalidated on this replica a moment ago, by its writers or its relay, as far as there is room for them:
//!   that is where a mistake would be made;
//! - all cells of all kinds, one after the other: a round over a cache of some thousands takes seconds, one over millions
//!   takes hours. The pace is bounded, not the round.
//!
//! Nothing is called wrong because it was being written: [`Verify`] tells why that is exact. It
//! runs on every replica that uses the cache, takes turns that readers leave, and shows ids as logs may have them, never a
//! payload.

use std::{collections::VecDeque, mem, time::Duration};

use aside_postgres::DatabaseError;
use aside_redis::RedisError;
use prometheus_client::metrics::counter::Counter;
use tokio::{
    sync::mpsc,
    time::{self, Instant},
};

use crate::{
    database::Database,
    metrics::{EntityLabels, Metrics},
    outbox::list_pending,
    shared::{CellName, Protocol},
    verify::{CompareError, Differing, Verify},
    walk::Walk,
};

/// Between two steps, drawn at random; also how long after its invalidation a cell is looked at, at least.
const PAUSE_MS: std::ops::Range<u64> = 80..120;
/// Cells of the walk compared in a step: with the pause some 800 a second, a statement for each kind. Many small steps in place
/// of few large ones: what a step takes of Redis, of Postgres and of this process, requests wait for.
const CELLS: usize = 80;
/// Parts of the keyspace looked through in a step, at most, to find so many.
const WALKED: usize = 5;
/// Cells that a part has to bring for another part in the same step: among keys of others the walk takes one part a step.
const YIELD: usize = CELLS / WALKED;
/// A round begins so long after the one before, at least: a small cache is not walked without a pause.
const ROUND: Duration = Duration::from_secs(3);

/// Compares cache and Postgres.
#[derive(Debug)]
pub(crate) struct SelfCheck {
    database: Database,
    cache: Protocol,
    /// Kinds that have become known and are not checked yet.
    new_kinds: mpsc::UnboundedReceiver<CheckedKind>,
    kinds: Vec<CheckedKind>,
    /// Invalidated since the last step.
    fresh: Vec<CellName>,
    /// Met by the walk and not compared yet.
    met: VecDeque<CellName>,
    walk: Walk,
    next_round: Instant,
}

/// Cells of one kind, and what is counted of them.
#[derive(Debug)]
pub(crate) struct CheckedKind {
    cells: Box<dyn Verify>,
    checks: Counter,
    inconsistencies: Counter,
}

/// Why a step was not finished.
#[derive(Debug, thiserror::Error)]
enum SelfCheckError {
    #[error("the cells cannot be walked over")]
    Redis(#[from] RedisError),
    #[error("the cells cannot be compared")]
    Compare(#[from] CompareError),
    #[error("the outbox cannot be read")]
    Database(#[from] DatabaseError),
}

impl SelfCheck {
    /// Nothing is checked yet.
    pub(crate) fn new(database: Database, cache: Protocol, new_kinds: mpsc::UnboundedReceiver<CheckedKind>) -> Self {
        let (kinds, fresh, met) = (Vec::new(), Vec::new(), VecDeque::new());
        let (walk, next_round) = (Walk::default(), Instant::now());
        Self { database, cache, new_kinds, kinds, fresh, met, walk, next_round }
    }

    /// Checks without end.
    pub(crate) async fn run(mut self) {
        loop {
            time::sleep(Duration::from_millis(rand::random_range(PAUSE_MS))).await;
            // Without the cache, or while it is not believed, there is nothing to check.
            if self.cache.is_available()
                && let Err(error) = self.step().await
            {
                tracing::debug!(error = &error as &dyn std::error::Error, "self-check held up");
            }
        }
    }

    async fn step(&mut self) -> Result<(), SelfCheckError> {
        while let Ok(kind) = self.new_kinds.try_recv() {
            self.kinds.push(kind);
        }
        let a_moment_ago = mem::replace(&mut self.fresh, self.cache.take_invalidated());
        self.check(&a_moment_ago).await?;
        self.walk_on().await?;
        let cells: Vec<CellName> = self.met.drain(..self.met.len().min(CELLS)).collect();
        self.check(&cells).await
    }

    /// Meets cells until there are enough for a step, or the walk's pace is reached.
    async fn walk_on(&mut self) -> Result<(), SelfCheckError> {
        for _part in 0..WALKED {
            if self.met.len() >= CELLS || Instant::now() < self.next_round {
                break;
            }
            let met = self.walk.step(&self.cache).await?;
            let found = met.cells.len();
            self.met.extend(met.cells);
            if met.ends_a_round {
                self.next_round = Instant::now() + ROUND;
            }
            if found < YIELD {
                break;
            }
        }
        Ok(())
    }

    async fn check(&self, cells: &[CellName]) -> Result<(), SelfCheckError> {
        if cells.is_empty() {
            return Ok(());
        }
        for kind in &self.kinds {
            let comparison = kind.cells.compare(cells).await?;
            kind.checks.inc_by(comparison.compared as u64);
            if !comparison.differing.is_empty() {
                self.settle(kind, comparison.differing).await?;
            }
        }
        Ok(())
    }

    /// Throws away what differs though no invalidation of it is on its way.
    async fn settle(&self, kind: &CheckedKind, differing: Vec<Differing>) -> Result<(), SelfCheckError> {
        let names: Vec<String> = differing.iter().map(|differing| differing.cell.as_str().to_owned()).collect();
        let pending = self.database.run(list_pending(&self.database, &names)).await?;
        for differing in differing {
            let is_pending = pending.iter().any(|cell| cell == differing.cell.as_str());
            if !is_pending && self.cache.discard(&differing).await? {
                kind.inconsistencies.inc();
                tracing::warn!(entity = kind.cells.entity(), id = %differing.shown, "a wrong cell was found and discarded");
            }
        }
        Ok(())
    }
}

impl CheckedKind {
    /// Both counters begin at zero, and are there before anything is counted.
    pub(crate) fn new(cells: Box<dyn Verify>, metrics: &Metrics) -> Self {
        let labels = EntityLabels { entity: cells.entity() };
        let checks = metrics.consistency_checks.get_or_create(&labels).clone();
        let inconsistencies = metrics.inconsistencies.get_or_create(&labels).clone();
        Self { cells, checks, inconsistencies }
    }
}
