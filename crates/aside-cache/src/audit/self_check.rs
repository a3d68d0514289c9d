//! The self-check: compares entries with Postgres, in production, counts those that are wrong and discards them.
//!
//! It should find nothing, ever. A finding is a bug here, a bit that flipped, a manual write into Redis, or rows that were changed
//! past the triggers (`TRUNCATE`, a restore). It reads two lists:
//!
//! - entries that were invalidated on this replica a moment ago, by its writers or its relay, up to a bound: a mistake would be
//!   made there;
//! - all entries of all kinds, one page after the other: a round over a cache of some thousands takes seconds, one over millions
//!   takes hours. The pace is bounded, not the round.
//!
//! An entry that is being written is never called wrong: [`Verify`] tells why that is exact. The self-check
//! runs on every replica that uses the cache, takes permits that readers leave, and shows ids as logs may have them, never a
//! payload.

use std::{collections::VecDeque, mem, time::Duration};

use aside_postgres::DatabaseError;
use aside_redis::RedisError;
use prometheus_client::metrics::counter::Counter;
use tokio::{
    sync::mpsc,
    time::{self, Instant},
};

use super::{
    compare::{CompareError, Verify},
    scan::Scan,
};
use crate::{
    database::Database,
    metrics::{EntityLabels, Metrics},
    outbox::list_pending,
    protocol::{EntryName, Mismatch, Protocol},
};

/// Between two steps, drawn at random; also how long after its invalidation an entry is compared, at least.
const PAUSE_MS: std::ops::Range<u64> = 80..120;
/// Entries of the scan compared in a step: with the pause some 800 a second, a statement for each kind. Many small steps in place
/// of few large ones, since requests wait behind a step in Redis, in Postgres and in this process.
const ENTRIES: usize = 80;
/// Pages of the scan read in a step, at most, to find so many.
const PAGES: usize = 5;
/// Entries that a page has to bring for another page in the same step: among keys of other programs the scan reads one page a
/// step.
const YIELD: usize = ENTRIES / PAGES;
/// A round begins so long after the one before, at least: a small cache is not scanned without a pause.
const ROUND: Duration = Duration::from_secs(3);

/// Compares cache and Postgres.
#[derive(Debug)]
pub(crate) struct SelfCheck {
    database: Database,
    protocol: Protocol,
    /// Kinds that are registered and not checked yet.
    new_kinds: mpsc::UnboundedReceiver<CheckedKind>,
    kinds: Vec<CheckedKind>,
    /// Invalidated since the last step.
    recent: Vec<EntryName>,
    /// Found by the scan and not compared yet.
    scanned: VecDeque<EntryName>,
    scan: Scan,
    next_round: Instant,
}

/// Entries of one kind, and the counters of their checks.
#[derive(Debug)]
pub(crate) struct CheckedKind {
    entries: Box<dyn Verify>,
    checks: Counter,
    inconsistencies: Counter,
}

/// Why a step was not finished.
#[derive(Debug, thiserror::Error)]
enum SelfCheckError {
    #[error("the entries cannot be scanned")]
    Redis(#[from] RedisError),
    #[error("the entries cannot be compared")]
    Compare(#[from] CompareError),
    #[error("the outbox cannot be read")]
    Database(#[from] DatabaseError),
}

impl SelfCheck {
    /// Nothing is checked yet.
    pub(crate) fn new(database: Database, protocol: Protocol, new_kinds: mpsc::UnboundedReceiver<CheckedKind>) -> Self {
        let (kinds, recent, scanned) = (Vec::new(), Vec::new(), VecDeque::new());
        let (scan, next_round) = (Scan::default(), Instant::now());
        Self { database, protocol, new_kinds, kinds, recent, scanned, scan, next_round }
    }

    /// Checks without end.
    pub(crate) async fn run(mut self) {
        loop {
            time::sleep(Duration::from_millis(rand::random_range(PAUSE_MS))).await;
            // Without Redis, or while it is untrusted, there is nothing to check.
            if self.protocol.is_available()
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
        let a_moment_ago = mem::replace(&mut self.recent, self.protocol.take_invalidated());
        self.check(&a_moment_ago).await?;
        self.scan_on().await?;
        let entries: Vec<EntryName> = self.scanned.drain(..self.scanned.len().min(ENTRIES)).collect();
        self.check(&entries).await
    }

    /// Scans until there are enough entries for a step, or the scan's pace is reached.
    async fn scan_on(&mut self) -> Result<(), SelfCheckError> {
        for _page in 0..PAGES {
            if self.scanned.len() >= ENTRIES || Instant::now() < self.next_round {
                break;
            }
            let page = self.scan.next_page(&self.protocol).await?;
            let found = page.entries.len();
            self.scanned.extend(page.entries);
            if page.is_last {
                self.next_round = Instant::now() + ROUND;
            }
            if found < YIELD {
                break;
            }
        }
        Ok(())
    }

    async fn check(&self, entries: &[EntryName]) -> Result<(), SelfCheckError> {
        if entries.is_empty() {
            return Ok(());
        }
        for kind in &self.kinds {
            let comparison = kind.entries.compare(entries).await?;
            kind.checks.inc_by(comparison.compared as u64);
            if !comparison.mismatches.is_empty() {
                self.discard(kind, comparison.mismatches).await?;
            }
        }
        Ok(())
    }

    /// Discards values that differ though no invalidation of them is pending.
    async fn discard(&self, kind: &CheckedKind, mismatches: Vec<Mismatch>) -> Result<(), SelfCheckError> {
        let names: Vec<String> = mismatches.iter().map(|mismatch| mismatch.entry.as_str().to_owned()).collect();
        let pending = self.database.run(list_pending(&self.database, &names)).await?;
        for mismatch in mismatches {
            let is_pending = pending.iter().any(|entry| entry == mismatch.entry.as_str());
            if !is_pending && self.protocol.discard(&mismatch).await? {
                kind.inconsistencies.inc();
                tracing::warn!(entity = kind.entries.entity(), id = %mismatch.shown, "a wrong entry was found and discarded");
            }
        }
        Ok(())
    }
}

impl CheckedKind {
    /// Both counters begin at zero, and are there before anything is counted.
    pub(crate) fn new(entries: Box<dyn Verify>, metrics: &Metrics) -> Self {
        let labels = EntityLabels { entity: entries.entity() };
        let checks = metrics.consistency_checks.get_or_create(&labels).clone();
        let inconsistencies = metrics.inconsistencies.get_or_create(&labels).clone();
        Self { entries, checks, inconsistencies }
    }
}
