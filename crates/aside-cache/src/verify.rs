//! Holding cells against the source of truth, for the self-check: compare, and discard what is wrong.
//!
//! ```text
//!   look (value) ─ load ─┬ they agree
//!                        └ they differ ─ is an invalidation on its way? ─ no ─ DISCARD, if the cell still holds that value
//! ```
//!
//! Nothing is wrong just because it differs: a row may have been written since the look. Whoever wrote it has left its name
//! in the outbox in the same transaction, and its row there goes only after the cell was invalidated. So what differs, is
//! not in the outbox *after* the load, and is in its cell still *after that*, byte for byte, is a value that no invalidation
//! will ever reach. The middle question is the caller's; the last is part of the script that discards.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, LazyLock},
    time::Instant,
};

use aside_redis::{Handle, Pipeline, RedisError, Script, Value, cmd};
use futures::future::BoxFuture;

use super::{
    announce::announce,
    cell::State,
    entry_id::EntryId,
    error::LoadError,
    loader::Loader,
    shared::{CellName, Protocol},
    value::CellValue,
};

static DISCARD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/discard.lua")));

/// One kind of cells, as the self-check sees it.
pub trait Verify: fmt::Debug + Send + Sync {
    /// As in [`Loader::ENTITY`].
    fn entity(&self) -> &'static str;

    /// Loads what those of the cells that hold values should hold, with one statement, and compares. Compares nothing when
    /// the loads of readers leave no turn.
    fn compare<'a>(&'a self, cells: &'a [CellName]) -> BoxFuture<'a, Result<Comparison, CompareError>>;
}

/// What a comparison has found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Values that were compared.
    pub compared: usize,
    /// Those of them that differ from what was loaded, or were damaged.
    pub differing: Vec<Differing>,
}

/// A value that differs from what was loaded after it was seen.
#[derive(Debug)]
pub struct Differing {
    /// Its cell.
    pub cell: CellName,
    /// The cell's id, as logs may show it.
    pub shown: String,
    pub(super) held: Vec<u8>,
}

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The cells cannot be looked at.
    #[error("the cells cannot be looked at")]
    Redis(#[from] RedisError),
    /// What they should hold cannot be loaded.
    #[error("the cells cannot be compared")]
    Load(#[from] LoadError),
}

/// The cells of one loader.
pub struct Verifier<L> {
    cache: Protocol,
    loader: Arc<L>,
}

impl<L: Loader> Verifier<L> {
    /// Compares what this cache holds with what this loader loads.
    #[must_use]
    pub fn new(cache: Protocol, loader: Arc<L>) -> Self {
        Self { cache, loader }
    }

    async fn compare(&self, cells: &[CellName]) -> Result<Comparison, CompareError> {
        // Walks and samples name some cells twice, and loaders are asked for each once.
        let cells: BTreeSet<&CellName> = cells.iter().collect();
        let parse = |cell: &'_ CellName| cell.id_of(L::ENTITY).and_then(L::Id::parse);
        let cells: Vec<(&CellName, L::Id)> = cells.into_iter().filter_map(|cell| Some((cell, parse(cell)?))).collect();
        let handle = self.cache.handle()?;
        let held = self.cache.peek(&handle, cells.iter().map(|(cell, _)| *cell)).await?;
        let (mut values, mut found) = (Vec::new(), Comparison::default());
        for ((cell, id), held) in cells.into_iter().zip(held) {
            let Some(held) = held else { continue };
            match State::decode(held.clone(), cell.owner(), handle.identity()) {
                State::Value(value) => values.push(Seen::<L> { cell, id, held, value: value.into() }),
                State::Damaged(_) => {
                    self.cache.metrics.damaged_entries.inc();
                    found.compared += 1;
                    found.differing.push(Differing { cell: cell.clone(), shown: format!("{id:?}"), held });
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
        let Some(_turn) = self.cache.turn_in_the_background().await else { return Ok(()) };
        let ids: Vec<L::Id> = values.iter().map(|seen| seen.id.clone()).collect();
        let started = Instant::now();
        let loaded = self.loader.load(&ids).await?;
        self.cache.speeds.note_load(started.elapsed());

        found.compared += values.len();
        let differ = |(seen, loaded): &(Seen<'_, L>, _)| !self.loader.agrees(&seen.value, loaded);
        let differing = values.into_iter().zip(loaded).filter(differ);
        found.differing.extend(differing.map(|(seen, _)| Differing::from(seen)));
        Ok(())
    }
}

impl<L: Loader> Verify for Verifier<L> {
    fn entity(&self) -> &'static str {
        L::ENTITY
    }

    fn compare<'a>(&'a self, cells: &'a [CellName]) -> BoxFuture<'a, Result<Comparison, CompareError>> {
        Box::pin(self.compare(cells))
    }
}

impl<L: Loader> fmt::Debug for Verifier<L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Verifier").field("entity", &L::ENTITY).finish_non_exhaustive()
    }
}

/// A value as a look has found it.
struct Seen<'a, L: Loader> {
    cell: &'a CellName,
    id: L::Id,
    held: Vec<u8>,
    value: CellValue,
}

impl<L: Loader> From<Seen<'_, L>> for Differing {
    fn from(seen: Seen<'_, L>) -> Self {
        Self { cell: seen.cell.clone(), shown: format!("{:?}", seen.id), held: seen.held }
    }
}

impl Protocol {
    /// The bytes of these cells.
    async fn peek<'a>(
        &self,
        handle: &Handle,
        cells: impl Iterator<Item = &'a CellName>,
    ) -> Result<Vec<Option<Vec<u8>>>, RedisError> {
        let keys: Vec<String> = cells.map(|cell| handle.key(cell.as_str())).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = cmd("MGET");
        command.arg(&keys);
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        let bytes = |cell| if let Value::BulkString(bytes) = cell { Some(bytes) } else { None };
        match handle.query(&pipeline).await?.pop() {
            Some(Value::Array(found)) if found.len() == keys.len() => Ok(found.into_iter().map(bytes).collect()),
            Some(Value::ServerError(error)) => Err(RedisError::Command(error.into())),
            _other => Err(handle.unexpected("MGET")),
        }
    }

    /// Throws this value away and tells everybody, unless something else is in the cell by now; gives whether it was there.
    ///
    /// # Errors
    ///
    /// When Redis did not say what it did.
    pub async fn discard(&self, differing: &Differing) -> Result<bool, RedisError> {
        // An invalidation, as a fence is: it needs a server, not trust.
        self.discard_through(&self.redis.handle_however_slow()?, differing).await
    }

    pub(super) async fn discard_through(&self, handle: &Handle, differing: &Differing) -> Result<bool, RedisError> {
        let cells = std::slice::from_ref(&differing.cell);
        let own = |call: aside_redis::Call| call.arg(differing.held.as_slice());
        Ok(announce(handle, &DISCARD, cells, own).await? == 1)
    }

    /// Cells that were invalidated here since this was asked last: a sample, for whoever checks a moment later what has come
    /// in their place.
    #[must_use]
    pub fn take_invalidated(&self) -> Vec<CellName> {
        self.invalidated.take()
    }
}
