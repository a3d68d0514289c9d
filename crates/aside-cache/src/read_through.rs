//! A read, from the look to the answer.
//!
//! ```text
//!   copies in this process, if they are current ─ a copy ────────────────────────▶ hit
//!   look (MGET) ─┬ value ─────────────────────────────────────────────────────▶ hit (and ▶ refresh, when it is due)
//!                └ else: board a flight ─ acquire ─┬ value ────────────────────▶ found
//!                                                  ├ lease is ours ─ load ─ fill ▶ miss
//!                                                  ├ another's lease, or a fence ─ wait ─ acquire again
//!                                                  └ waited enough, or no answer ─ load ─▶ bypass, nothing stored
//! ```
//!
//! Flights run in tasks of their own: a reader who goes away takes nobody's load along.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

use aside_runtime::timings::{Waiting, waiting};

use super::{
    entry_id::EntryId,
    error::LoadError,
    fetched::Fetched,
    flight::{Flight, Landed, Landing, Look, Role, Source},
    loader::{Loaded, Loader},
    near::{Kind, Near, Stamp},
    reader::Reader,
    shared::{CellName, Protocol},
    value::CellValue,
};
use super::{metrics::CacheOutcome, options::Mode};

/// The cells of one kind: reads go through the cache to the loader. Clones share the flights.
#[derive(Debug)]
pub struct ReadThrough<L: Loader> {
    inner: Arc<Reader<L>>,
}

impl<L: Loader> Clone for ReadThrough<L> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<L: Loader> ReadThrough<L> {
    /// Cells of `loader`'s kind, which live for `ttl` at most.
    #[must_use]
    pub fn new(cache: Protocol, loader: Arc<L>, ttl: Duration) -> Self {
        Self { inner: Arc::new(Reader::new(cache, loader, ttl)) }
    }

    /// The name of an entry of this kind, as writers and the outbox name it.
    #[must_use]
    pub fn entry(id: &L::Id) -> CellName {
        Reader::<L>::cell(id)
    }

    /// What the cell `id` holds: something that was true after this call began.
    ///
    /// # Errors
    ///
    /// When it has to be loaded and cannot be.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting; a load under way goes on for others and fills the cell.
    pub async fn get(&self, id: &L::Id) -> Result<Fetched, LoadError> {
        if let Some(copy) = self.get_near(id).await {
            return Ok(copy);
        }
        // Boxed, as all that is long and rare: a hit does not carry room for it.
        let mut fetched = Box::pin(self.get_many(std::slice::from_ref(id))).await?;
        Ok(fetched.pop().expect("one answer for one id"))
    }

    /// The same from the copies in this process alone; `None` when there is no copy that is current.
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_near(&self, id: &L::Id) -> Option<Fetched> {
        let reader = &self.inner;
        let near = reader.current_copies().await?;
        let copy = reader.copy(near, id)?;
        reader.counts.count(std::slice::from_ref(&copy));
        Some(copy)
    }

    /// The copy of this cell in this process, as it is: it may be of before a write that was answered since, by as much as
    /// messages are late. For what a wrong answer does no harm to; never waits.
    #[must_use]
    pub fn last_heard_of(&self, id: &L::Id) -> Option<CellValue> {
        let reader = &self.inner;
        let (near, kind) = reader.near.as_ref()?;
        near.copy(*kind, &id.to_bytes(), reader.cache.clock.now_ms()).map(|(value, _)| value)
    }

    /// Whether this process has copies of this kind at all.
    #[must_use]
    pub fn has_near(&self) -> bool {
        self.inner.near.is_some()
    }

    /// What each of the cells holds, in the order of `ids`, with one look and at most one statement for all. An id that
    /// comes twice is asked for once.
    ///
    /// # Errors, cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_many(&self, ids: &[L::Id]) -> Result<Vec<Fetched>, LoadError> {
        let reader = &self.inner;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let near = reader.current_copies().await;
        let mut answers = near.map_or_else(|| vec![None; ids.len()], |near| reader.copies(near, ids));
        let missing = (0..ids.len()).filter(|&at| answers[at].is_none());
        let (distinct, places) = distinct(missing.map(|at| &ids[at]));
        if !distinct.is_empty() {
            let fetched = match reader.cache.options.mode {
                Mode::Off => Box::pin(reader.load_directly(&distinct)).await?,
                Mode::Redis | Mode::Near => Box::pin(reader.fetch(&distinct, near)).await?,
            };
            let missing = answers.iter_mut().filter(|answer| answer.is_none());
            for (answer, place) in missing.zip(places) {
                *answer = Some(fetched[place].clone());
            }
        }
        let answers: Vec<Fetched> = answers.into_iter().map(|answer| answer.expect("a copy or fetched")).collect();
        reader.counts.count(&answers);
        Ok(answers)
    }
}

/// Each id once, and for each of `ids` which of those it is.
fn distinct<'a, Id: Clone + Eq + Hash + 'a>(ids: impl Iterator<Item = &'a Id>) -> (Vec<Id>, Vec<usize>) {
    let mut places = HashMap::new();
    let mut distinct = Vec::new();
    let order = ids
        .map(|id| {
            *places.entry(id).or_insert_with(|| {
                distinct.push(id.clone());
                distinct.len() - 1
            })
        })
        .collect();
    (distinct, order)
}

impl<L: Loader> Reader<L> {
    /// Where this kind's copies are, if they are good for a read that has just arrived.
    pub(super) async fn current_copies(&self) -> Option<&(Near, Kind)> {
        let near = self.near.as_ref()?;
        self.cache.is_current(&near.0).await.then_some(near)
    }

    /// The copy of this cell, if there is one.
    fn copy(&self, (near, kind): &(Near, Kind), id: &L::Id) -> Option<Fetched> {
        let (value, stamp) = near.copy(*kind, &id.to_bytes(), self.cache.clock.now_ms())?;
        let copy = self.fetched(value, CacheOutcome::NearHit, false, Some(stamp));
        self.cache.gate.is_open().then_some(copy)
    }

    /// The copies of these cells, as far as there are any.
    fn copies(&self, (near, kind): &(Near, Kind), ids: &[L::Id]) -> Vec<Option<Fetched>> {
        let now_ms = self.cache.clock.now_ms();
        let copies = ids
            .iter()
            .map(|id| {
                let (value, stamp) = near.copy(*kind, &id.to_bytes(), now_ms)?;
                Some(self.fetched(value, CacheOutcome::NearHit, false, Some(stamp)))
            })
            .collect();
        if self.cache.gate.is_open() { copies } else { vec![None; ids.len()] }
    }

    /// Always from the source, nothing shared, nothing stored: `CACHE_MODE=off`.
    async fn load_directly(&self, ids: &[L::Id]) -> Result<Vec<Fetched>, LoadError> {
        let _turn = waiting(Waiting::Db, self.cache.loads.acquire()).await?;
        let loaded = self.loader.load(ids).await?;
        let now_ms = self.cache.clock.now_ms();
        Ok(loaded
            .into_iter()
            .map(|loaded| {
                let Loaded { payload, version, .. } = loaded;
                let value = CellValue { payload, version, expires_at_ms: now_ms, cost_us: 0 };
                self.fetched(value, CacheOutcome::Bypass, false, None)
            })
            .collect())
    }

    /// Out of Redis, or loaded; what Redis holds then is kept among the copies.
    async fn fetch(self: &Arc<Self>, ids: &[L::Id], near: Option<&(Near, Kind)>) -> Result<Vec<Fetched>, LoadError> {
        let Look { hits: mut answers, markers } = self.look(ids, near).await;
        let missing: Vec<usize> = (0..ids.len()).filter(|&at| answers[at].is_none()).collect();
        let flights = self.board(missing.iter().map(|&at| &ids[at]));
        for (at, (flight, role)) in missing.into_iter().zip(flights) {
            let landed = match self.landed(&flight).await {
                Err(LoadError::Overloaded(_)) if self.cache.loads.is_worth_another_try() => {
                    self.fly_again(&ids[at]).await?
                }
                landing => landing?,
            };
            let stamp = if landed.source.is_redis() { markers.keep(at, &landed.value) } else { None };
            answers[at] = Some(self.answer(landed, role, stamp));
        }
        Ok(answers.into_iter().map(|answer| answer.expect("hit or landed")).collect())
    }

    fn answer(&self, landed: Landed, role: Role, stamp: Option<Stamp>) -> Fetched {
        let (outcome, stored) = match (role, landed.source) {
            (Role::Passenger, _) | (_, Source::Awaited) => (CacheOutcome::Collapsed, false),
            (_, Source::Found) => (CacheOutcome::RedisHit, false),
            (_, Source::Loaded { stored }) => (CacheOutcome::Miss, stored),
            (_, Source::Bypassed) => (CacheOutcome::Bypass, false),
        };
        self.fetched(landed.value, outcome, stored, stamp)
    }

    /// For one whose flight was shed on another's account: it was to load in the place of a request that was out of
    /// patience, and this one has some left, or a place.
    async fn fly_again(self: &Arc<Self>, id: &L::Id) -> Landing {
        loop {
            let (flight, _) = self.board([id].into_iter()).pop().expect("one flight for one id");
            match self.landed(&flight).await {
                Err(LoadError::Overloaded(_)) if self.cache.loads.is_worth_another_try() => {}
                landing => return landing,
            }
        }
    }

    async fn landed(&self, flight: &Flight) -> Landing {
        let boarded = Instant::now();
        let landing = waiting(Waiting::Db, flight.landed(self.cache.loads.time_left())).await;
        if matches!(landing, Err(LoadError::Overloaded(_))) {
            self.cache.loads.note_wait(boarded.elapsed());
        }
        landing
    }

    /// Boards a flight for each id, and starts those that nobody has started, as one batch.
    fn board<'a>(self: &Arc<Self>, ids: impl Iterator<Item = &'a L::Id>) -> Vec<(Arc<Flight>, Role)> {
        let mut to_start = Vec::new();
        let boarded = ids
            .map(|id| {
                let (flight, role) = self.flights.board(id);
                if role == Role::Starter {
                    to_start.push((id.clone(), Arc::clone(&flight)));
                }
                (flight, role)
            })
            .collect();
        self.start(to_start);
        boarded
    }
}
