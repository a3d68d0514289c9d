//! A read, from the near entry or the lookup to the answer.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use aside_redis::Identity;
use aside_runtime::timings::{Waiting, waiting};
use prometheus_client::metrics::counter::Counter;

use super::{
    fetched::Fetched,
    fills::Fills,
    misses::Misses,
    refresher::Refresher,
    single_flight::{Outcome, Role, Source},
};
use crate::{
    entry_id::EntryId,
    error::LoadError,
    loader::{Loaded, Loader},
    metrics::{CacheOutcome, RequestLabels},
    near::{FillPermits, Near, NearKind, SlotVersion},
    options::Mode,
    protocol::{EntryName, EntryValue, Protocol, State},
};

/// The entries of one kind: reads go through the cache to the loader. Clones share the flights.
#[derive(Debug)]
pub struct ReadThrough<L: Loader> {
    shared: Arc<Shared<L>>,
}

#[derive(Debug)]
struct Shared<L: Loader> {
    protocol: Protocol,
    loader: Arc<L>,
    /// How long after its soft end a value certainly lives.
    grace_ms: i64,
    /// Where this kind's near entries are, if there are any.
    near: Option<NearKind>,
    misses: Arc<Misses<L>>,
    refresher: Arc<Refresher<L>>,
    /// Looked up once: a home page asks for some ninety entries.
    requests: [Counter; CacheOutcome::ALL.len()],
}

impl<L: Loader> Clone for ReadThrough<L> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<L: Loader> ReadThrough<L> {
    /// Entries of `loader`'s kind, which live for `ttl` at most.
    pub(crate) fn new(protocol: Protocol, near: Option<&Near>, loader: Arc<L>, ttl: Duration) -> Self {
        let entity = L::ENTITY;
        let near = near.map(|near| near.kind(entity, |text| L::Id::parse(text).map(|id| id.to_bytes())));
        let fills = Arc::new(Fills::new(protocol.clone(), Arc::clone(&loader), ttl));
        let requests = CacheOutcome::ALL
            .map(|outcome| protocol.metrics.requests.get_or_create(&RequestLabels { entity, outcome }).clone());
        let shared = Shared {
            grace_ms: i64::try_from(L::grace(ttl).as_millis()).unwrap_or(0),
            misses: Arc::new(Misses::new(protocol.clone(), Arc::clone(&fills))),
            refresher: Arc::new(Refresher::new(protocol.clone(), near.clone(), fills)),
            protocol,
            loader,
            near,
            requests,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The name of an entry of this kind, as writers and the outbox name it.
    #[must_use]
    pub fn entry(id: &L::Id) -> EntryName {
        EntryName::new(L::ENTITY, id)
    }

    /// The value of the entry `id`: one that was true after this call began.
    ///
    /// # Errors
    ///
    /// When it has to be loaded and cannot be.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting; a load under way goes on for others and fills the entry.
    pub async fn get(&self, id: &L::Id) -> Result<Fetched, LoadError> {
        if let Some(hit) = self.get_near(id).await {
            return Ok(hit);
        }
        // Boxed, as all that is long and rare: a hit does not carry room for it.
        let mut fetched = Box::pin(self.get_many(std::slice::from_ref(id))).await?;
        Ok(fetched.pop().expect("one answer for one id"))
    }

    /// The same from the near entries alone; `None` when there is none that is current.
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_near(&self, id: &L::Id) -> Option<Fetched> {
        let near = self.shared.near.as_ref()?;
        if !near.is_current().await {
            return None;
        }
        let (value, version) = near.get(&id.to_bytes(), self.shared.protocol.clock.now_ms())?;
        self.shared.requests[CacheOutcome::NearHit as usize].inc();
        Some(self.shared.answer(value, CacheOutcome::NearHit, false, Some(version)))
    }

    /// The near entry as it is: it may be of before a write that was answered since, by as much as messages are late. For uses
    /// where a wrong answer does no harm; never waits.
    #[must_use]
    pub fn get_near_unchecked(&self, id: &L::Id) -> Option<EntryValue> {
        let near = self.shared.near.as_ref()?;
        near.get(&id.to_bytes(), self.shared.protocol.clock.now_ms()).map(|(value, _)| value)
    }

    /// Whether this process has near entries of this kind at all.
    #[must_use]
    pub fn has_near(&self) -> bool {
        self.shared.near.is_some()
    }

    /// The value of each of the entries, in the order of `ids`, with one lookup and at most one statement for all. An id that
    /// comes twice is asked for once.
    ///
    /// # Errors, cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_many(&self, ids: &[L::Id]) -> Result<Vec<Fetched>, LoadError> {
        let shared = &self.shared;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let near = match &shared.near {
            Some(near) if near.is_current().await => Some(near),
            _none_or_not_current => None,
        };
        let now_ms = shared.protocol.clock.now_ms();
        let hit = |id: &L::Id| {
            let (value, version) = near?.get(&id.to_bytes(), now_ms)?;
            Some(shared.answer(value, CacheOutcome::NearHit, false, Some(version)))
        };
        let mut answers: Vec<Option<Fetched>> = ids.iter().map(hit).collect();
        let missing = (0..ids.len()).filter(|&at| answers[at].is_none());
        let (distinct, places) = distinct(missing.map(|at| &ids[at]));
        if !distinct.is_empty() {
            let fetched = match shared.protocol.options.mode {
                Mode::Off => Box::pin(shared.load_directly(&distinct)).await?,
                Mode::Redis | Mode::Near => Box::pin(shared.fetch(&distinct, near)).await?,
            };
            let missing = answers.iter_mut().filter(|answer| answer.is_none());
            for (answer, place) in missing.zip(places) {
                *answer = Some(fetched[place].clone());
            }
        }
        let answers: Vec<Fetched> = answers.into_iter().map(|answer| answer.expect("near or fetched")).collect();
        shared.count(&answers);
        Ok(answers)
    }
}

/// Each id once, and for each of `ids` its place among those.
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

impl<L: Loader> Shared<L> {
    /// Looks up entries, and loads those that hold no value. What Redis held is kept as near entries, where they are current.
    async fn fetch(&self, ids: &[L::Id], near: Option<&NearKind>) -> Result<Vec<Fetched>, LoadError> {
        // Before the lookup.
        let permits = FillPermits::place(near, ids.iter().map(EntryId::to_bytes));
        let mut answers: Vec<Option<Fetched>> = match self.lookup(ids).await {
            Some((states, identity)) => self.hits(ids, states, identity, &permits),
            None => vec![None; ids.len()],
        };
        let missing: Vec<usize> = (0..ids.len()).filter(|&at| answers[at].is_none()).collect();
        let joined = self.misses.join(missing.iter().map(|&at| &ids[at]));
        for (at, (flight, role)) in missing.into_iter().zip(joined) {
            let Outcome { value, source } = self.misses.outcome(&ids[at], &flight).await?;
            let version = if source.is_redis() { permits.keep(at, &value) } else { None };
            let (outcome, stored) = outcome_of(role, source);
            answers[at] = Some(self.answer(value, outcome, stored, version));
        }
        Ok(answers.into_iter().map(|answer| answer.expect("a hit, or loaded")).collect())
    }

    /// The entries as Redis holds them; `None` when it cannot say.
    async fn lookup(&self, ids: &[L::Id]) -> Option<(Vec<State>, Identity)> {
        let looked_up = async {
            let handle = self.protocol.handle()?;
            let states = self.protocol.lookup(&handle, L::ENTITY, ids).await?;
            Ok::<_, aside_redis::RedisError>((states, handle.identity()))
        };
        match waiting(Waiting::Cache, looked_up).await {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::debug!(entity = L::ENTITY, error = &error as &dyn std::error::Error, "lookup failed");
                None
            }
        }
    }

    /// The answers of a lookup's values. Those that are due are refreshed in the background.
    fn hits(
        &self,
        ids: &[L::Id],
        states: Vec<State>,
        identity: Identity,
        permits: &FillPermits,
    ) -> Vec<Option<Fetched>> {
        let now_ms = self.protocol.clock.now_ms();
        let mut due = Vec::new();
        let mut hit = |(at, state)| {
            let State::Value(value) = state else { return None };
            due.extend(self.refresher.due(&ids[at], &value, identity, now_ms));
            let version = permits.keep(at, &value);
            let is_stale = now_ms >= value.expires_at_ms;
            let outcome = if is_stale { CacheOutcome::Stale } else { CacheOutcome::RedisHit };
            Some(self.answer(value, outcome, false, version))
        };
        let hits = states.into_iter().enumerate().map(&mut hit).collect();
        self.refresher.start(due);
        hits
    }

    /// Always from the source, nothing shared, nothing stored: `CACHE_MODE=off`.
    async fn load_directly(&self, ids: &[L::Id]) -> Result<Vec<Fetched>, LoadError> {
        let _permit = waiting(Waiting::Db, self.protocol.loads.acquire()).await?;
        let loaded = self.loader.load(ids).await?;
        let expires_at_ms = self.protocol.clock.now_ms();
        let answer = |Loaded { payload, version, .. }| {
            let value = EntryValue { payload, version, expires_at_ms, cost_us: 0, refreshing_since_ms: None };
            self.answer(value, CacheOutcome::Bypass, false, None)
        };
        Ok(loaded.into_iter().map(answer).collect())
    }

    /// Where each read ends, hit or miss.
    fn answer(&self, value: EntryValue, outcome: CacheOutcome, stored: bool, version: Option<SlotVersion>) -> Fetched {
        let grace_ms = if value.payload.is_some() { self.grace_ms } else { 0 };
        let ends_at_ms = value.expires_at_ms + grace_ms;
        Fetched { value, outcome, stored, version, ends_at_ms }
    }

    fn count(&self, fetched: &[Fetched]) {
        let mut times = [0; CacheOutcome::ALL.len()];
        for one in fetched {
            times[one.outcome as usize] += 1;
        }
        for (counter, times) in self.requests.iter().zip(times).filter(|(_, times)| *times > 0) {
            counter.inc_by(times);
        }
    }
}

/// The outcome of a miss as it is counted, and whether this read stored the value.
fn outcome_of(role: Role, source: Source) -> (CacheOutcome, bool) {
    match (role, source) {
        (Role::Follower, _) | (_, Source::Awaited) => (CacheOutcome::Collapsed, false),
        (_, Source::Found) => (CacheOutcome::RedisHit, false),
        (_, Source::Loaded { stored }) => (CacheOutcome::Miss, stored),
        (_, Source::Bypassed) => (CacheOutcome::Bypass, false),
    }
}
