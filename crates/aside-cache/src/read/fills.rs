//! Load, then fill: the part that misses and refreshes share.

use std::{sync::Arc, time::Duration};

use aside_redis::Handle;
use aside_runtime::metrics::ObserveDuration;
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use tokio::time::Instant;

use crate::{
    error::LoadError,
    loader::{Loaded, Loader},
    metrics::EntityLabels,
    protocol::{EntryName, EntryValue, Fill, Filled, Lease, Protocol, lifetime::Life},
};

/// Loads entries of one kind, and stores them.
#[derive(Debug)]
pub(super) struct Fills<L> {
    protocol: Protocol,
    loader: Arc<L>,
    ttl: Duration,
    loads: Counter,
    load_duration: Histogram,
    rejected: Counter,
}

/// A value that was loaded, and how long it may live, in milliseconds; not at all when that is not above zero.
#[derive(Debug)]
pub(super) struct LoadedValue {
    pub(super) value: EntryValue,
    life_ms: i64,
}

impl<L: Loader> Fills<L> {
    pub(super) fn new(protocol: Protocol, loader: Arc<L>, ttl: Duration) -> Self {
        let labels = EntityLabels { entity: L::ENTITY };
        let loads = protocol.metrics.loads.get_or_create(&labels).clone();
        let load_duration = protocol.metrics.load_duration.get_or_create(&labels).clone();
        let rejected = protocol.metrics.fills_rejected.get_or_create(&labels).clone();
        Self { protocol, loader, ttl, loads, load_duration, rejected }
    }

    /// Issues the statement. Gives the values in the order of `ids`.
    pub(super) async fn load(&self, ids: &[L::Id]) -> Result<Vec<LoadedValue>, LoadError> {
        let started = Instant::now();
        let loaded = self.loader.load(ids).await?;
        let cost = started.elapsed();
        self.protocol.speeds.note_load(cost);
        self.loads.inc_by(ids.len() as u64);
        self.load_duration.observe_duration(cost);
        debug_assert_eq!(loaded.len(), ids.len(), "a loader gives one answer for each id");
        let now_ms = self.protocol.clock.now_ms();
        Ok(loaded.into_iter().map(|loaded| self.value(loaded, now_ms, cost)).collect())
    }

    /// The value of a load that took `cost` and was answered at `now_ms`.
    fn value(&self, loaded: Loaded, now_ms: i64, cost: Duration) -> LoadedValue {
        let ttl = if loaded.payload.is_some() { self.ttl } else { self.protocol.options.negative_ttl };
        let life = Life::new(ttl, cost, rand::random(), loaded.lives_until_ms.map(|until| until - now_ms));
        // An absence is not refreshed early: it lives for seconds, and most absences are asked for once.
        let soft_ms = if loaded.payload.is_some() { life.soft_ms } else { life.hard_ms };
        let value = EntryValue {
            version: loaded.version,
            expires_at_ms: now_ms + soft_ms.max(0),
            cost_us: u32::try_from(cost.as_micros()).unwrap_or(u32::MAX),
            refreshing_since_ms: None,
            payload: loaded.payload,
        };
        LoadedValue { value, life_ms: life.hard_ms }
    }

    /// Fills entries with values that were loaded under these leases. Gives, for each, whether it is stored. The leases of values
    /// that may not live are given back.
    pub(super) async fn fill(&self, handle: &Handle, loaded: Vec<(L::Id, Lease, &LoadedValue)>) -> Vec<bool> {
        let mut stored = vec![false; loaded.len()];
        let (mut places, mut fills, mut unused) = (Vec::new(), Vec::new(), Vec::new());
        for (at, (id, lease, LoadedValue { value, life_ms })) in loaded.into_iter().enumerate() {
            let entry = EntryName::new(L::ENTITY, &id);
            if *life_ms > 0 {
                places.push(at);
                fills.push(Fill { entry, lease, value: value.clone(), life_ms: *life_ms });
            } else {
                unused.push((entry, lease));
            }
        }
        self.protocol.give_back(handle, unused).await;
        for (at, filled) in places.into_iter().zip(self.protocol.fill(handle, &fills).await) {
            match filled {
                Filled::Stored => stored[at] = true,
                Filled::Refused => _ = self.rejected.inc(),
                Filled::Unknown => {}
            }
        }
        stored
    }
}
