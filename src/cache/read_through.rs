//! A read, from the look to the answer.
//!
//! ```text
//!   look (MGET) ─┬ value ─────────────────────────────────────────────────────▶ hit
//!                └ else: board a flight ─ acquire ─┬ value ────────────────────▶ found
//!                                                  ├ lease is ours ─ load ─ fill ▶ miss
//!                                                  ├ lease is another's ─ wait ─ acquire again
//!                                                  └ fence, or no answer ─ load ─▶ bypass, nothing stored
//! ```
//!
//! Flights run in tasks of their own: a reader who goes away takes nobody's load along.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    cell::State,
    error::LoadError,
    flight::{Flight, Landed, Landing, Role, Source},
    fly::Seat,
    loader::Loader,
    reader::Reader,
    shared::{Cache, CellName},
    value::{CellValue, Fetched},
};
use crate::{
    config::CacheMode,
    telemetry::{
        metrics::CacheOutcome,
        timings::{Waiting, waiting},
    },
};

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
    pub fn new(cache: Cache, loader: L, ttl: Duration) -> Self {
        Self { inner: Arc::new(Reader::new(cache, loader, ttl)) }
    }

    /// The name of a cell of this kind, as writers fence it.
    #[must_use]
    pub fn cell(id: &L::Id) -> CellName {
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
        let mut fetched = self.get_many(std::slice::from_ref(id)).await?;
        Ok(fetched.pop().expect("one answer for one id"))
    }

    /// What each of the cells holds, in the order of `ids`, with one look and at most one statement for all. An id that
    /// comes twice is asked for once.
    ///
    /// # Errors, cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_many(&self, ids: &[L::Id]) -> Result<Vec<Fetched>, LoadError> {
        Ok(self.get_all(ids, usize::MAX).await?.expect("nobody is spared a load"))
    }

    /// As [`get_many`](Self::get_many), for a reader who has another way if many are missing: `None` when more than
    /// `cheap` would have to be loaded and enough readers do so already. An empty cache is refilled at a pace that leaves
    /// Postgres to those who ask it directly.
    ///
    /// # Errors, cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_many_in_pace(&self, ids: &[L::Id], cheap: usize) -> Result<Option<Vec<Fetched>>, LoadError> {
        self.get_all(ids, cheap).await
    }

    async fn get_all(&self, ids: &[L::Id], cheap: usize) -> Result<Option<Vec<Fetched>>, LoadError> {
        let mut places = HashMap::with_capacity(ids.len());
        let mut distinct = Vec::with_capacity(ids.len());
        let order: Vec<usize> = ids
            .iter()
            .map(|id| {
                *places.entry(id).or_insert_with(|| {
                    distinct.push(id.clone());
                    distinct.len() - 1
                })
            })
            .collect();
        let Some(fetched) = self.inner.get_distinct(&distinct, cheap).await? else { return Ok(None) };
        Ok(Some(order.into_iter().map(|place| fetched[place].clone()).collect()))
    }
}

impl<L: Loader> Reader<L> {
    async fn get_distinct(self: &Arc<Self>, ids: &[L::Id], cheap: usize) -> Result<Option<Vec<Fetched>>, LoadError> {
        if ids.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let fetched = if self.cache.config.mode == CacheMode::Off {
            self.load_directly(ids).await?
        } else {
            let Some(fetched) = self.fetch(ids, cheap).await? else { return Ok(None) };
            fetched
        };
        self.counts.count(&fetched);
        Ok(Some(fetched))
    }

    /// Always from the source, nothing shared, nothing stored: `CACHE_MODE=off`.
    async fn load_directly(&self, ids: &[L::Id]) -> Result<Vec<Fetched>, LoadError> {
        let _turn = waiting(Waiting::Db, self.cache.loads.enter()).await?;
        let loaded = self.loader.load(ids).await?;
        let now_ms = self.cache.clock.now_ms();
        Ok(loaded
            .into_iter()
            .map(|loaded| Fetched {
                value: CellValue { payload: loaded.payload, version: loaded.version, expires_at_ms: now_ms },
                outcome: CacheOutcome::Bypass,
                stored: false,
            })
            .collect())
    }

    async fn fetch(self: &Arc<Self>, ids: &[L::Id], cheap: usize) -> Result<Option<Vec<Fetched>>, LoadError> {
        let mut answers = self.look(ids).await;
        let missing: Vec<usize> = (0..ids.len()).filter(|&at| answers[at].is_none()).collect();
        let _refill = if missing.len() > cheap {
            let Ok(refill) = self.cache.refills.try_acquire() else { return Ok(None) };
            Some(refill)
        } else {
            None
        };
        let flights = self.board(missing.iter().map(|&at| &ids[at]));
        for (at, (flight, role)) in missing.into_iter().zip(flights) {
            let landed = match waiting(Waiting::Db, flight.landed(self.cache.loads.patience_left())).await {
                // Whoever started it was out of patience; this reader may have some left, or a place.
                Err(LoadError::Overloaded(_)) if role != Role::Starter => self.fly_again(&ids[at]).await?,
                landing => landing?,
            };
            answers[at] = Some(answer(landed, role));
        }
        Ok(Some(answers.into_iter().map(|answer| answer.expect("hit or landed")).collect()))
    }

    /// For one whose flight was shed on another's account.
    async fn fly_again(self: &Arc<Self>, id: &L::Id) -> Landing {
        loop {
            let (flight, role) = self.board([id].into_iter()).pop().expect("one flight for one id");
            match waiting(Waiting::Db, flight.landed(self.cache.loads.patience_left())).await {
                Err(LoadError::Overloaded(_)) if role != Role::Starter && self.cache.loads.is_worth_another_try() => {}
                landing => return landing,
            }
        }
    }

    /// The hits among `ids`. Whatever goes wrong is a miss.
    async fn look(&self, ids: &[L::Id]) -> Vec<Option<Fetched>> {
        let states = match self.cache.handle() {
            Ok(handle) => self.cache.look(&handle, L::ENTITY, ids).await,
            Err(error) => Err(error),
        };
        match states {
            Ok(states) => states
                .into_iter()
                .map(|state| match state {
                    State::Value(value) => {
                        Some(Fetched { value: value.into(), outcome: CacheOutcome::RedisHit, stored: false })
                    }
                    State::Absent | State::Lease | State::Fence => None,
                })
                .collect(),
            Err(error) => {
                tracing::debug!(entity = L::ENTITY, error = &error as &dyn std::error::Error, "look failed");
                vec![None; ids.len()]
            }
        }
    }

    /// Boards a flight for each id, and starts those that nobody has started, as one batch.
    fn board<'a>(self: &Arc<Self>, ids: impl Iterator<Item = &'a L::Id>) -> Vec<(Arc<Flight>, Role)> {
        let mut to_start = Vec::new();
        let boarded = ids
            .map(|id| {
                let (flight, role) = self.flights.board(id);
                if role == Role::Starter {
                    to_start.push(Seat::new(self, id.clone(), Arc::clone(&flight)));
                }
                (flight, role)
            })
            .collect();
        self.start(to_start);
        boarded
    }
}

fn answer(landed: Landed, role: Role) -> Fetched {
    let (outcome, stored) = match (role, landed.source) {
        (Role::Passenger, _) | (_, Source::Awaited) => (CacheOutcome::Collapsed, false),
        (_, Source::Found) => (CacheOutcome::RedisHit, false),
        (_, Source::Loaded { stored }) => (CacheOutcome::Miss, stored),
        (_, Source::Bypassed) => (CacheOutcome::Bypass, false),
    };
    Fetched { value: landed.value, outcome, stored }
}
