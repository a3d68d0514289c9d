//! What reading one kind of cell takes: the shared cache, the loader, the flights of this process, and what is counted.

use std::{sync::Arc, time::Duration};

use aside_runtime::metrics::ObserveDuration;
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use tokio::time::Instant;

use super::{
    cell::StoredValue,
    departures::Departures,
    early::Life,
    entry_id::EntryId,
    error::LoadError,
    fetched::Fetched,
    flight::{Boarded, Flights, Look},
    loader::{Loaded, Loader},
    near::{Kind, Near, Stamp},
    refreshing::{Due, Refreshing},
    shared::{CellName, Protocol},
    value::CellValue,
};
use crate::metrics::{CacheOutcome, EntityLabels, Metrics, RequestLabels};

/// The insides of a [`ReadThrough`](super::ReadThrough), shared with the flights that it starts.
#[derive(Debug)]
pub(super) struct Reader<L: Loader> {
    pub(super) cache: Protocol,
    pub(super) loader: Arc<L>,
    pub(super) ttl: Duration,
    pub(super) looks: Flights<L::Id, Look>,
    pub(super) flights: Flights<L::Id>,
    pub(super) departures: Departures<Boarded<L::Id>>,
    /// Where this kind's copies are, if there are any.
    pub(super) near: Option<(Near, Kind)>,
    pub(super) refreshing: Refreshing<L::Id>,
    pub(super) refreshes: Departures<Due<L::Id>>,
    pub(super) counts: Counts,
}

impl<L: Loader> Reader<L> {
    pub(super) fn new(cache: Protocol, loader: Arc<L>, ttl: Duration) -> Self {
        let counts = Counts::new(&cache.metrics, L::ENTITY);
        let near = cache.copies_of(L::ENTITY, |text| L::Id::parse(text).map(|id| id.to_bytes()));
        Self {
            cache,
            loader,
            ttl,
            looks: Flights::new(),
            flights: Flights::new(),
            departures: Departures::new(),
            near,
            refreshing: Refreshing::new(),
            refreshes: Departures::one_at_a_time(),
            counts,
        }
    }

    /// What a reader is given of a value that Redis holds, or a copy of which is here.
    pub(super) fn fetched(
        &self,
        value: CellValue,
        outcome: CacheOutcome,
        stored: bool,
        stamp: Option<Stamp>,
    ) -> Fetched {
        let grace = if value.payload.is_some() { L::grace(self.ttl) } else { Duration::ZERO };
        let ends_at_ms = value.expires_at_ms + i64::try_from(grace.as_millis()).unwrap_or(0);
        Fetched { value, outcome, stored, stamp, ends_at_ms }
    }

    /// The name of a cell of this kind.
    pub(super) fn cell(id: &L::Id) -> CellName {
        CellName::new(L::ENTITY, id)
    }

    /// Issues the statement. Gives its rows and how long they took.
    pub(super) async fn load_now(&self, ids: &[L::Id]) -> Result<(Vec<Loaded>, Duration), LoadError> {
        let started = Instant::now();
        let loaded = self.loader.load(ids).await?;
        let cost = started.elapsed();
        self.cache.speeds.note_load(cost);
        self.counts.loads.inc_by(ids.len() as u64);
        self.counts.load_duration.observe_duration(cost);
        debug_assert_eq!(loaded.len(), ids.len(), "a loader gives one answer for each id");
        Ok((loaded, cost))
    }

    /// What is to be stored of a load that took `cost` and was answered `now_ms`, and how many milliseconds it may live; not
    /// at all when those are not above zero.
    pub(super) fn value_of(&self, loaded: Loaded, now_ms: i64, cost: Duration) -> (StoredValue, i64) {
        let ttl = if loaded.payload.is_some() { self.ttl } else { self.cache.options.negative_ttl };
        let life = Life::new(ttl, cost, rand::random(), loaded.lives_until_ms.map(|until| until - now_ms));
        // An absence is not refreshed early: it lives for seconds, and most of them are asked for once.
        let soft_ms = if loaded.payload.is_some() { life.soft_ms } else { life.hard_ms };
        let value = StoredValue {
            version: loaded.version,
            soft_expiry_ms: now_ms + soft_ms.max(0),
            cost_us: u32::try_from(cost.as_micros()).unwrap_or(u32::MAX),
            claimed_at_ms: None,
            payload: loaded.payload,
        };
        (value, life.hard_ms)
    }
}

/// The metrics of one kind of cell, looked up once: a home page asks for some ninety cells.
#[derive(Debug)]
pub(super) struct Counts {
    requests: [Counter; CacheOutcome::ALL.len()],
    pub(super) loads: Counter,
    pub(super) load_duration: Histogram,
    pub(super) fills_rejected: Counter,
}

impl Counts {
    fn new(metrics: &Metrics, entity: &'static str) -> Self {
        let labels = EntityLabels { entity };
        Self {
            requests: CacheOutcome::ALL
                .map(|outcome| metrics.requests.get_or_create(&RequestLabels { entity, outcome }).clone()),
            loads: metrics.loads.get_or_create(&labels).clone(),
            load_duration: metrics.load_duration.get_or_create(&labels).clone(),
            fills_rejected: metrics.fills_rejected.get_or_create(&labels).clone(),
        }
    }

    pub(super) fn count(&self, fetched: &[Fetched]) {
        let mut times = [0; CacheOutcome::ALL.len()];
        for one in fetched {
            times[one.outcome as usize] += 1;
        }
        for (counter, times) in self.requests.iter().zip(times).filter(|(_, times)| *times > 0) {
            counter.inc_by(times);
        }
    }
}
