//! The refresh of a value that is due, while it is served: a fill under a refresh lease.
//!
//! No reader waits for a refresh, so it yields. One batch runs at a time for each kind of entry; entries that come due meanwhile go
//! with the next. A refresh needs a permit among the loads, which it gets only if readers leave one, and of those only a bounded
//! part; without one, the entry is left to its next reader. The new value is a near entry at once. A refresh that fails leaves the
//! value; its refresh lease is over after `CACHE_LEASE`, and the next reader tries again. So while Postgres is down it is asked
//! once for each due entry and lease, and the value is served until its hard end.

use std::sync::Arc;

use aside_redis::Identity;

use super::{
    batcher::{Batch, Batcher, Duty},
    due::{RefreshPermit, Refreshing},
    fills::Fills,
};
use crate::{
    entry_id::EntryId,
    loader::Loader,
    near::{FillPermits, NearKind},
    protocol::{DueValue, EntryName, EntryValue, Lease, Protocol, lifetime},
};

/// The refreshes of one kind of entry in this process.
#[derive(Debug)]
pub(super) struct Refresher<L: Loader> {
    protocol: Protocol,
    near: Option<NearKind>,
    fills: Arc<Fills<L>>,
    refreshing: Refreshing<L::Id>,
    batcher: Batcher<Due<L>>,
}

/// An entry that is due for a refresh.
pub(super) struct Due<L: Loader> {
    permit: RefreshPermit<L::Id>,
    value: DueValue,
}

impl<L: Loader> Refresher<L> {
    pub(super) fn new(protocol: Protocol, near: Option<NearKind>, fills: Arc<Fills<L>>) -> Self {
        let (refreshing, batcher) = (Refreshing::new(), Batcher::one_at_a_time());
        Self { protocol, near, fills, refreshing, batcher }
    }

    /// The entry, if the reader that found this value should refresh it.
    pub(super) fn due(&self, id: &L::Id, value: &EntryValue, identity: Identity, now_ms: i64) -> Option<Due<L>> {
        let lease_ms = i64::try_from(self.protocol.options.lease.as_millis()).unwrap_or(i64::MAX);
        // By clocks that may differ, which costs a refresh lease that is refused, or a refresh a moment later.
        let is_under_way = value.refreshing_since_ms.is_some_and(|since| (0..lease_ms).contains(&(now_ms - since)));
        let due_ms = lifetime::due_ms(value.expires_at_ms, value.cost_us, lifetime::draw());
        if value.payload.is_none() || now_ms < due_ms || is_under_way {
            return None;
        }
        let permit = self.refreshing.try_enter(id)?;
        Some(Due { permit, value: DueValue::new(EntryName::new(L::ENTITY, id), value, identity) })
    }

    /// Refreshes these entries in the background, in a batch with others.
    pub(super) fn start(self: &Arc<Self>, due: Vec<Due<L>>) {
        if let Some(duty) = self.batcher.push(due) {
            self.protocol.shutdown.spawn(Arc::clone(self).run(duty));
        }
    }

    async fn run(self: Arc<Self>, duty: Duty<Due<L>>) {
        let mut batch = Some(duty);
        while let Some(duty) = batch {
            let Batch { items, running, next } = duty.next_batch().await;
            self.refresh(items).await;
            drop(running);
            batch = next;
        }
    }

    /// Takes the refresh leases, loads and fills; and keeps the new values as near entries, where they are current.
    async fn refresh(&self, due: Vec<Due<L>>) {
        let Some(permit) = self.protocol.background_permit().await else { return };
        let Ok(handle) = self.protocol.handle() else { return };
        let near = match &self.near {
            Some(near) if near.is_current().await => Some(near),
            _none_or_not_current => None,
        };
        // Before the entries are read, which taking their refresh leases does.
        let permits = FillPermits::place(near, due.iter().map(|due| due.permit.id.to_bytes()));
        let values: Vec<&DueValue> = due.iter().map(|due| &due.value).collect();
        let leases = self.protocol.take_refresh_leases(&handle, &values).await;
        let leased: Vec<(usize, Lease)> =
            leases.into_iter().enumerate().filter_map(|(at, lease)| Some((at, lease?))).collect();
        if leased.is_empty() {
            return;
        }
        let ids: Vec<L::Id> = leased.iter().map(|(at, _)| due[*at].permit.id.clone()).collect();
        let loaded = self.fills.load(&ids).await;
        drop(permit);
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::debug!(entity = L::ENTITY, error = &error as &dyn std::error::Error, "not refreshed");
                return;
            }
        };
        let (places, leases): (Vec<usize>, Vec<Lease>) = leased.into_iter().unzip();
        let fills = ids.into_iter().zip(leases).zip(&loaded).map(|((id, lease), loaded)| (id, lease, loaded)).collect();
        let stored = self.fills.fill(&handle, fills).await;
        for ((at, loaded), stored) in places.into_iter().zip(&loaded).zip(stored) {
            if stored {
                permits.keep(at, &loaded.value);
            }
        }
    }
}
