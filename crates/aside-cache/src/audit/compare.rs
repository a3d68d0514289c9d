//! Comparing entries with the source of truth, for the self-check.
//!
//! ```text
//!   lookup (value) ─ load ─┬ they agree
//!                          └ they differ ─ is an invalidation pending? ─ no ─ DISCARD, if the entry still holds that value
//! ```
//!
//! A difference alone is not an error: the row may have been written since the lookup. Its writer has named the entry in the
//! outbox in the same transaction, and that outbox row goes only after the entry was invalidated. So a value that differs, is
//! not in the outbox *after* the load, and is still in its entry *after that*, byte for byte, is a value that no invalidation
//! will ever reach. The second question is the caller's; the last is part of the script that discards.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Instant};

use aside_redis::RedisError;
use futures::future::BoxFuture;

use crate::{
    entry_id::EntryId,
    error::LoadError,
    loader::Loader,
    protocol::{EntryName, EntryValue, Mismatch, Protocol, State},
};

/// One kind of entries, for the self-check.
pub trait Verify: fmt::Debug + Send + Sync {
    /// As in [`Loader::ENTITY`].
    fn entity(&self) -> &'static str;

    /// Loads the values of those of the entries that hold one, with one statement, and compares. Compares nothing when
    /// the loads of readers leave no permit.
    fn compare<'a>(&'a self, entries: &'a [EntryName]) -> BoxFuture<'a, Result<Comparison, CompareError>>;
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Values that were compared.
    pub compared: usize,
    /// Those of them that differ from what was loaded, or were damaged.
    pub mismatches: Vec<Mismatch>,
}

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The entries cannot be read.
    #[error("the entries cannot be read")]
    Redis(#[from] RedisError),
    /// Their values cannot be loaded.
    #[error("the entries cannot be compared")]
    Load(#[from] LoadError),
}

/// The entries of one loader.
pub struct Verifier<L> {
    protocol: Protocol,
    loader: Arc<L>,
}

/// A value as the lookup has found it.
struct Seen<'a, L: Loader> {
    entry: &'a EntryName,
    id: L::Id,
    held: Vec<u8>,
    value: EntryValue,
}

impl<L: Loader> Verifier<L> {
    /// Compares the entries of this cache with what this loader loads.
    #[must_use]
    pub fn new(protocol: Protocol, loader: Arc<L>) -> Self {
        Self { protocol, loader }
    }

    async fn compare(&self, entries: &[EntryName]) -> Result<Comparison, CompareError> {
        // Scans and recent invalidations name some entries twice, and loaders are asked for each once.
        let entries: BTreeSet<&EntryName> = entries.iter().collect();
        let parse = |entry: &'_ EntryName| entry.id_of(L::ENTITY).and_then(L::Id::parse);
        let entries: Vec<(&EntryName, L::Id)> =
            entries.into_iter().filter_map(|entry| Some((entry, parse(entry)?))).collect();
        let held = self.protocol.read_bytes(entries.iter().map(|(entry, _)| *entry)).await?;
        let (mut values, mut found) = (Vec::new(), Comparison::default());
        for ((entry, id), held) in entries.into_iter().zip(held) {
            let Some((held, state)) = held else { continue };
            match state {
                State::Value(value) => values.push(Seen::<L> { entry, id, held, value }),
                State::Damaged(_) => {
                    self.protocol.metrics.damaged_entries.inc();
                    found.compared += 1;
                    found.mismatches.push(Mismatch { entry: entry.clone(), shown: format!("{id:?}"), held });
                }
                State::Absent | State::Foreign | State::Lease | State::Fence => {}
            }
        }
        if !values.is_empty() {
            self.load_and_compare(values, &mut found).await?;
        }
        Ok(found)
    }

    async fn load_and_compare(&self, values: Vec<Seen<'_, L>>, found: &mut Comparison) -> Result<(), LoadError> {
        let Some(_permit) = self.protocol.background_permit().await else { return Ok(()) };
        let ids: Vec<L::Id> = values.iter().map(|seen| seen.id.clone()).collect();
        let started = Instant::now();
        let loaded = self.loader.load(&ids).await?;
        self.protocol.speeds.note_load(started.elapsed());

        found.compared += values.len();
        let differs = |(seen, loaded): &(Seen<'_, L>, _)| !self.loader.agrees(&seen.value, loaded);
        let mismatches = values.into_iter().zip(loaded).filter(differs);
        found.mismatches.extend(mismatches.map(|(seen, _)| Mismatch::from(seen)));
        Ok(())
    }
}

impl<L: Loader> Verify for Verifier<L> {
    fn entity(&self) -> &'static str {
        L::ENTITY
    }

    fn compare<'a>(&'a self, entries: &'a [EntryName]) -> BoxFuture<'a, Result<Comparison, CompareError>> {
        Box::pin(self.compare(entries))
    }
}

impl<L: Loader> fmt::Debug for Verifier<L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Verifier").field("entity", &L::ENTITY).finish_non_exhaustive()
    }
}

impl<L: Loader> From<Seen<'_, L>> for Mismatch {
    fn from(seen: Seen<'_, L>) -> Self {
        Self { entry: seen.entry.clone(), shown: format!("{:?}", seen.id), held: seen.held }
    }
}
