//! A miss: a reader joins a flight; its leader takes the lease, loads and fills, or waits for another process that does.

use std::{iter, sync::Arc, time::Duration};

use aside_postgres::admission;
use aside_redis::Handle;
use aside_runtime::timings::{Waiting, waiting};
use tokio::time::{self, Instant};

use super::{
    batcher::{Batch, Batcher},
    fills::{Fills, LoadedValue},
    single_flight::{CompletionGuard, Flight, Joined, Lead, Outcome, Role, SingleFlight, Source},
};
use crate::{
    error::LoadError,
    loader::Loader,
    protocol::{Acquired, EntryName, Lease, Protocol},
};

/// How long a flight sleeps before it asks again whether another process has filled its entry, in milliseconds; drawn at
/// random, so that many processes do not ask at once.
const LEASE_POLL_MS: std::ops::Range<u64> = 5..50;

/// The same under a write fence, which is mostly released within some 10 ms.
const FENCE_POLL_MS: std::ops::Range<u64> = 2..6;

/// The misses of one kind of entry in this process.
#[derive(Debug)]
pub(super) struct Misses<L: Loader> {
    protocol: Protocol,
    fills: Arc<Fills<L>>,
    flights: SingleFlight<L::Id>,
    batcher: Batcher<CompletionGuard<L::Id>>,
}

/// Until when a flight waits for another process.
#[derive(Clone, Copy, Debug)]
struct WaitsUntil {
    /// It fills the entry.
    lease: Instant,
    /// It writes to the entry.
    fence: Instant,
}

/// Flights after an attempt to take their leases; those that found a value are complete.
struct Attempted<L: Loader> {
    /// The connection of the leases.
    handle: Option<Handle>,
    /// To be loaded, and stored under the lease if there is one.
    to_load: Vec<(CompletionGuard<L::Id>, Option<Lease>)>,
    /// Another process has the lease.
    leased: Vec<CompletionGuard<L::Id>>,
    /// A write is under way.
    fenced: Vec<CompletionGuard<L::Id>>,
}

impl<L: Loader> Misses<L> {
    pub(super) fn new(protocol: Protocol, fills: Arc<Fills<L>>) -> Self {
        Self { protocol, fills, flights: SingleFlight::new(), batcher: Batcher::new() }
    }

    /// Joins a flight for each id. Those that this reader leads are started, as one batch.
    pub(super) fn join<'a>(self: &Arc<Self>, ids: impl Iterator<Item = &'a L::Id>) -> Vec<(Arc<Flight>, Role)> {
        let mut first = Vec::new();
        let join = |id| {
            let Joined { flight, leads } = self.flights.join(id);
            let role = if leads.is_some() { Role::Leader } else { Role::Follower };
            match leads {
                None => {}
                Some(Lead { previous: None, guard }) => first.push(guard),
                Some(Lead { previous: Some(previous), guard }) => {
                    let misses = Arc::clone(self);
                    self.protocol.shutdown.spawn(admission::inherit(async move {
                        let _any_outcome = previous.outcome(None).await;
                        misses.lead(vec![guard]).await;
                    }));
                }
            }
            (flight, role)
        };
        let joined = ids.map(join).collect();
        if !first.is_empty() {
            let misses = Arc::clone(self);
            self.protocol.shutdown.spawn(admission::inherit(async move { misses.lead(first).await }));
        }
        joined
    }

    /// The outcome of a flight that was joined.
    ///
    /// A flight may be refused by overload on account of its leader, which had no time left to wait for a permit. A reader that
    /// has a permit, or time left, then joins another flight.
    pub(super) async fn outcome(self: &Arc<Self>, id: &L::Id, flight: &Flight) -> Result<Outcome, LoadError> {
        let mut outcome = self.wait(flight).await;
        while matches!(outcome, Err(LoadError::Overloaded(_))) && self.protocol.loads.is_worth_another_try() {
            let (flight, _) = self.join(iter::once(id)).pop().expect("one flight for one id");
            outcome = self.wait(&flight).await;
        }
        outcome
    }

    async fn wait(&self, flight: &Flight) -> Result<Outcome, LoadError> {
        let joined = Instant::now();
        let outcome = waiting(Waiting::Db, flight.outcome(self.protocol.loads.time_left())).await;
        if matches!(outcome, Err(LoadError::Overloaded(_))) {
            self.protocol.loads.note_wait(joined.elapsed());
        }
        outcome
    }

    /// Leads flights, in a batch with others that are about to start. One of the leaders runs the batch for all.
    async fn lead(self: Arc<Self>, guards: Vec<CompletionGuard<L::Id>>) {
        let mut batch = self.batcher.push(guards);
        while let Some(duty) = batch {
            let Batch { items, running, next } = duty.next_batch().await;
            let misses = Arc::clone(&self);
            let run = async move {
                misses.run(items).await;
                drop(running);
            };
            if next.is_some() {
                self.protocol.shutdown.spawn(admission::inherit(run));
            } else {
                run.await;
            }
            batch = next;
        }
    }

    /// Completes all flights of a batch, here or in a task started here.
    async fn run(self: Arc<Self>, guards: Vec<CompletionGuard<L::Id>>) {
        let (now, options) = (Instant::now(), &self.protocol.options);
        let waits_until = WaitsUntil { lease: now + options.lease_wait, fence: now + options.fence_wait };
        let Attempted { handle, to_load, leased, fenced } = self.attempt(guards, waits_until, Source::Found).await;
        if !(leased.is_empty() && fenced.is_empty()) {
            let wait = Arc::clone(&self).wait_for_others(leased, fenced, waits_until);
            self.protocol.shutdown.spawn(admission::inherit(wait));
        }
        self.load(handle, to_load).await;
    }

    /// Tries to take the lease of each entry, and completes the flights of entries that hold a value by now.
    async fn attempt(
        &self,
        guards: Vec<CompletionGuard<L::Id>>,
        waits_until: WaitsUntil,
        if_found: Source,
    ) -> Attempted<L> {
        // From here on an outcome may come out of the reply to `SET NX GET`.
        self.flights.set_joinable(guards.iter(), false);
        let handle = self.protocol.handle().ok();
        let acquired = match &handle {
            Some(handle) => {
                let entries: Vec<EntryName> = guards.iter().map(|guard| EntryName::new(L::ENTITY, &guard.id)).collect();
                self.protocol.acquire(handle, L::ENTITY, &entries).await
            }
            None => guards.iter().map(|_| Acquired::Refused).collect(),
        };
        let now = Instant::now();
        let mut attempted = Attempted { handle, to_load: Vec::new(), leased: Vec::new(), fenced: Vec::new() };
        for (guard, acquired) in guards.into_iter().zip(acquired) {
            match acquired {
                Acquired::Found(value) => guard.complete(Ok(Outcome { value, source: if_found })),
                Acquired::Lease(lease) => attempted.to_load.push((guard, Some(lease))),
                Acquired::Taken if now < waits_until.lease => attempted.leased.push(guard),
                Acquired::Fenced if now < waits_until.fence => attempted.fenced.push(guard),
                Acquired::Taken | Acquired::Fenced | Acquired::Foreign | Acquired::Refused => {
                    attempted.to_load.push((guard, None));
                }
            }
        }
        attempted
    }

    /// Another process fills these entries, or writes to them: sleep, then try again, until each is found, loaded, or waited for
    /// long enough. What can be loaded is loaded in a task of its own, so one lost lease delays nothing else of its batch.
    ///
    /// Readers that arrive meanwhile join. So a write of a hot entry costs one load for all replicas, under the lease that is
    /// free after the fence. To load at once under the fence costs each replica one load after the other until its release.
    async fn wait_for_others(
        self: Arc<Self>,
        mut leased: Vec<CompletionGuard<L::Id>>,
        mut fenced: Vec<CompletionGuard<L::Id>>,
        waits_until: WaitsUntil,
    ) {
        while !(leased.is_empty() && fenced.is_empty()) {
            self.flights.set_joinable(leased.iter().chain(&fenced), true);
            let poll_ms = if fenced.is_empty() { LEASE_POLL_MS } else { FENCE_POLL_MS };
            time::sleep(Duration::from_millis(rand::random_range(poll_ms))).await;
            leased.append(&mut fenced);
            let attempted = self.attempt(leased, waits_until, Source::Awaited).await;
            let (handle, to_load) = (attempted.handle, attempted.to_load);
            if !to_load.is_empty() {
                let misses = Arc::clone(&self);
                let load = async move { misses.load(handle, to_load).await };
                self.protocol.shutdown.spawn(admission::inherit(load));
            }
            (leased, fenced) = (attempted.leased, attempted.fenced);
        }
    }

    /// Loads with one statement, stores the values whose lease is ours, and completes all flights.
    async fn load(&self, handle: Option<Handle>, to_load: Vec<(CompletionGuard<L::Id>, Option<Lease>)>) {
        if to_load.is_empty() {
            return;
        }
        let (guards, leases): (Vec<_>, Vec<_>) = to_load.into_iter().unzip();
        match self.load_with_permit(&guards).await {
            Ok(loaded) => {
                let sources = self.fill(handle.as_ref(), &guards, leases, &loaded).await;
                for ((guard, LoadedValue { value, .. }), source) in guards.into_iter().zip(loaded).zip(sources) {
                    guard.complete(Ok(Outcome { value, source }));
                }
            }
            Err(error) => {
                let entry = |guard: &CompletionGuard<L::Id>| EntryName::new(L::ENTITY, &guard.id);
                let unused = guards.iter().map(entry).zip(leases).filter_map(|(entry, lease)| Some((entry, lease?)));
                let unused = unused.collect();
                // Readers need not wait for the leases to be given back.
                for guard in guards {
                    guard.complete(Err(error.clone()));
                }
                if let Some(handle) = handle {
                    self.protocol.give_back(&handle, unused).await;
                }
            }
        }
    }

    /// Waits for a permit, then issues the statement.
    async fn load_with_permit(&self, guards: &[CompletionGuard<L::Id>]) -> Result<Vec<LoadedValue>, LoadError> {
        // The statement has not been issued yet: readers that arrive during the wait for a permit may join.
        self.flights.set_joinable(guards.iter(), true);
        let set_queued = |is_queued| guards.iter().for_each(|guard| guard.set_queued(is_queued));
        set_queued(true);
        let permit = self.protocol.loads.acquire().await;
        set_queued(false);
        let _permit = permit?;
        self.flights.set_joinable(guards.iter(), false);

        let ids: Vec<L::Id> = guards.iter().map(|guard| guard.id.clone()).collect();
        self.fills.load(&ids).await
    }

    /// Fills the entries whose lease is ours. Gives the source of each value.
    async fn fill(
        &self,
        handle: Option<&Handle>,
        guards: &[CompletionGuard<L::Id>],
        leases: Vec<Option<Lease>>,
        loaded: &[LoadedValue],
    ) -> Vec<Source> {
        let source = |lease: &Option<Lease>| {
            if lease.is_some() { Source::Loaded { stored: false } } else { Source::Bypassed }
        };
        let mut sources: Vec<Source> = leases.iter().map(source).collect();
        let Some(handle) = handle else { return sources };
        let (mut places, mut to_fill) = (Vec::new(), Vec::new());
        for (at, ((guard, lease), loaded)) in guards.iter().zip(leases).zip(loaded).enumerate() {
            if let Some(lease) = lease {
                places.push(at);
                to_fill.push((guard.id.clone(), lease, loaded));
            }
        }
        for (at, stored) in places.into_iter().zip(self.fills.fill(handle, to_fill).await) {
            sources[at] = Source::Loaded { stored };
        }
        sources
    }
}
