//! What reading one kind of cell takes: the shared cache, the loader, the flights of this process, and what is counted.

use std::time::Duration;

use prometheus_client::metrics::{counter::Counter, histogram::Histogram};

use super::{
    flight::Flights,
    loader::Loader,
    near::{Kind, Near},
    shared::{Cache, CellName},
    value::Fetched,
};
use crate::telemetry::metrics::{CacheOutcome, CacheRequestLabels, EntityLabels, Metrics};

/// The insides of a [`ReadThrough`](super::ReadThrough), shared with the flights that it starts.
#[derive(Debug)]
pub(super) struct Reader<L: Loader> {
    pub(super) cache: Cache,
    pub(super) loader: L,
    pub(super) ttl: Duration,
    pub(super) flights: Flights<L::Id>,
    /// Where this kind's copies are, if there are any.
    pub(super) near: Option<(Near, Kind)>,
    pub(super) counts: Counts,
}

impl<L: Loader> Reader<L> {
    pub(super) fn new(cache: Cache, loader: L, ttl: Duration) -> Self {
        let counts = Counts::new(&cache.metrics, L::ENTITY);
        let read_id = |text: &str| L::read_id(text).map(|id| L::id_bytes(&id));
        let near = cache.near.clone().map(|near| {
            let kind = near.kind(L::ENTITY, read_id);
            (near, kind)
        });
        Self { cache, loader, ttl, flights: Flights::new(), near, counts }
    }

    /// The name of a cell of this kind.
    pub(super) fn cell(id: &L::Id) -> CellName {
        CellName::new(L::ENTITY, id)
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
                .map(|outcome| metrics.cache_requests.get_or_create(&CacheRequestLabels { entity, outcome }).clone()),
            loads: metrics.cache_loads.get_or_create(&labels).clone(),
            load_duration: metrics.cache_load_duration.get_or_create(&labels).clone(),
            fills_rejected: metrics.cache_fills_rejected.get_or_create(&labels).clone(),
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
