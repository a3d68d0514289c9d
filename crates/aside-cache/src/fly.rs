//! A flight, from boarding to landing: acquire, wait or load, fill.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use aside_postgres::admission;
use aside_redis::{Call, Handle, Script};
use futures::future::BoxFuture;
use tokio::time::{self, Instant};

use super::{
    cell,
    departures::{Departed, Departure},
    error::LoadError,
    flight::{Boarded, Flight, Landed, Landing, Source},
    loader::{Loaded, Loader},
    reader::Reader,
    shared::{Acquired, CellName, Fill},
    token::Token,
};

static ABANDON: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/abandon.lua")));

/// How long a flight sleeps before it asks again whether another process has filled its cell, in milliseconds; drawn at
/// random, so that many processes do not ask at once.
const LEASE_POLL_MS: std::ops::Range<u64> = 5..50;

/// The same under a write fence, which is mostly released within some 10 ms.
const FENCE_POLL_MS: std::ops::Range<u64> = 2..6;

/// Until when a load waits for what others do with its entry.
#[derive(Clone, Copy, Debug)]
struct WaitsUntil {
    /// Another process fills it.
    lease: Instant,
    /// A write is under way.
    fence: Instant,
}

impl<L: Loader> Reader<L> {
    /// Starts flights that nobody has started, as one batch with others who wait to depart.
    pub(super) fn start(self: &Arc<Self>, flights: Vec<Boarded<L::Id>>) {
        if let Some(departure) = self.departures.wait(flights) {
            self.depart(departure);
        }
    }

    fn depart(self: &Arc<Self>, departure: Departure<Boarded<L::Id>>) {
        let reader = Arc::clone(self);
        let flight = async move {
            let Departed { flights, in_the_air, next } = departure.depart().await;
            let seats = flights.into_iter().map(|flight| Seat::new(&reader, flight)).collect();
            if let Some(next) = next {
                reader.depart(next);
            }
            let (now, options) = (Instant::now(), &reader.cache.options);
            let waits_until = WaitsUntil { lease: now + options.lease_wait, fence: now + options.fence_wait };
            Arc::clone(&reader).fly(seats, waits_until, Source::Found).await;
            drop(in_the_air);
        };
        self.cache.shutdown.spawn(admission::inherit(flight));
    }

    /// Flies a batch: every flight of it lands, here or in a task started here.
    async fn fly(self: Arc<Self>, seats: Vec<Seat<L>>, waits_until: WaitsUntil, if_found: Source) {
        // From here on an answer may come out of the reply to `SET NX GET`.
        self.set_boarding(seats.iter(), false);
        let handle = self.cache.handle().ok();
        let acquired = match &handle {
            Some(handle) => {
                let cells: Vec<CellName> = seats.iter().map(|seat| Reader::<L>::cell(&seat.id)).collect();
                self.cache.acquire(handle, L::ENTITY, &cells).await
            }
            None => seats.iter().map(|_| Acquired::Refused).collect(),
        };

        let now = Instant::now();
        let (mut to_load, mut leased, mut fenced, mut to_start) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (seat, acquired) in seats.into_iter().zip(acquired) {
            match acquired {
                Acquired::Found(value) => {
                    to_start.extend(seat.land(Ok(Landed { value: value.into(), source: if_found })));
                }
                Acquired::Lease(token) => to_load.push((seat, Some(token))),
                Acquired::Taken if now < waits_until.lease => leased.push(seat),
                Acquired::Fenced if now < waits_until.fence => fenced.push(seat),
                Acquired::Taken | Acquired::Fenced | Acquired::Foreign | Acquired::Refused => {
                    to_load.push((seat, None));
                }
            }
        }
        self.start(to_start);
        for (seats, poll_ms) in [(leased, LEASE_POLL_MS), (fenced, FENCE_POLL_MS)] {
            if !seats.is_empty() {
                let wait = Arc::clone(&self).wait_for_others(seats, poll_ms, waits_until);
                self.cache.shutdown.spawn(admission::inherit(wait));
            }
        }
        self.load(handle, to_load).await;
    }

    /// Another process fills these cells, or writes to them: sleep, then ask again. One lost lease holds up nothing else of
    /// its batch.
    ///
    /// Readers who arrive meanwhile join. So a write of a hot entry costs one load for all replicas, under the lease that is
    /// free after the fence. To load at once under the fence costs each replica one load after the other until its release.
    ///
    /// Boxed, since it and [`fly`](Self::fly) call each other.
    fn wait_for_others(
        self: Arc<Self>,
        seats: Vec<Seat<L>>,
        poll_ms: std::ops::Range<u64>,
        waits_until: WaitsUntil,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.set_boarding(seats.iter(), true);
            time::sleep(Duration::from_millis(rand::random_range(poll_ms))).await;
            self.fly(seats, waits_until, Source::Awaited).await;
        })
    }

    /// Loads with one statement, stores what is under a lease, and lands all.
    async fn load(self: &Arc<Self>, handle: Option<Handle>, seats: Vec<(Seat<L>, Option<Token>)>) {
        if seats.is_empty() {
            return;
        }
        let landings = match self.load_in_turn(&seats).await {
            Ok((loaded, cost)) => self.store(handle.as_ref(), &seats, loaded, cost).await,
            Err(error) => seats.iter().map(|_| Err(error.clone())).collect(),
        };
        let unused: Vec<(CellName, Token)> = seats
            .iter()
            .zip(&landings)
            .filter_map(|((seat, lease), landing)| Some((Self::cell(&seat.id), lease.filter(|_| landing.is_err())?)))
            .collect();
        let landed = seats.into_iter().zip(landings);
        self.start(landed.filter_map(|((seat, _), landing)| seat.land(landing)).collect());
        // Whoever is to be told that there is no answer need not wait for this.
        self.abandon(handle.as_ref(), unused).await;
    }

    /// Waits for a turn, then issues the statement. Gives its rows and how long they took.
    async fn load_in_turn(&self, seats: &[(Seat<L>, Option<Token>)]) -> Result<(Vec<Loaded>, Duration), LoadError> {
        let on_board = || seats.iter().map(|(seat, _)| seat);
        // The statement has not been issued yet: whoever arrives while we wait for our turn may come along.
        self.set_boarding(on_board(), true);
        let set_queued = |is_queued| on_board().for_each(|seat| seat.flight.set_queued(is_queued));
        set_queued(true);
        let turn = self.cache.loads.acquire().await;
        set_queued(false);
        let _turn = turn?;
        self.set_boarding(on_board(), false);

        let ids: Vec<L::Id> = on_board().map(|seat| seat.id.clone()).collect();
        self.load_now(&ids).await
    }

    /// Fills the cells whose lease is ours. Gives the landing of each seat.
    async fn store(
        &self,
        handle: Option<&Handle>,
        seats: &[(Seat<L>, Option<Token>)],
        loaded: Vec<Loaded>,
        cost: Duration,
    ) -> Vec<Landing> {
        let now_ms = self.cache.clock.now_ms();
        let mut fills = Vec::new();
        let mut landings = Vec::with_capacity(seats.len());
        let mut useless = Vec::new();
        for ((seat, lease), loaded) in seats.iter().zip(loaded) {
            let (value, life_ms) = self.value_of(loaded, now_ms, cost);
            let source = match lease {
                Some(_) => Source::Loaded { stored: false },
                None => Source::Bypassed,
            };
            match (*lease, handle) {
                (Some(lease), Some(handle)) if life_ms > 0 => {
                    let (cell, under) = (Reader::<L>::cell(&seat.id), cell::lease(lease, handle.identity()));
                    fills.push((landings.len(), Fill { cell, under, value: value.clone(), life_ms }));
                }
                (Some(lease), _) => useless.push((Self::cell(&seat.id), lease)),
                (None, _) => {}
            }
            landings.push(Ok(Landed { value: value.into(), source }));
        }
        self.abandon(handle, useless).await;
        self.fill(handle, fills, &mut landings).await;
        landings
    }

    async fn fill(&self, handle: Option<&Handle>, fills: Vec<(usize, Fill)>, landings: &mut [Landing]) {
        let Some(handle) = handle.filter(|_| !fills.is_empty()) else { return };
        let (places, fills): (Vec<usize>, Vec<Fill>) = fills.into_iter().unzip();
        for (place, stored) in places.into_iter().zip(self.cache.fill(handle, &fills).await) {
            match stored {
                Some(true) => {
                    if let Ok(landed) = &mut landings[place] {
                        landed.source = Source::Loaded { stored: true };
                    }
                }
                Some(false) => {
                    self.counts.fills_rejected.inc();
                }
                None => {}
            }
        }
    }

    /// Gives leases back, so that others need not wait until they run out. Best effort: they do run out.
    async fn abandon(&self, handle: Option<&Handle>, leases: Vec<(CellName, Token)>) {
        let Some(handle) = handle else { return };
        let calls: Vec<Call> = leases
            .into_iter()
            .map(|(cell, lease)| {
                ABANDON.call().key(handle.key(cell.as_str())).arg(cell::lease(lease, handle.identity()))
            })
            .collect();
        if let Err(error) = handle.call(&calls).await {
            tracing::debug!(entity = L::ENTITY, error = &error as &dyn std::error::Error, "leases not given back");
        }
    }

    fn set_boarding<'a>(&self, seats: impl Iterator<Item = &'a Seat<L>>, boarding: bool) {
        self.flights.set_boarding(seats.map(|seat| &seat.id), boarding);
    }
}

/// The duty to land one flight. Dropped without an answer (a panic, the end of the process), it lands it as aborted.
struct Seat<L: Loader> {
    reader: Arc<Reader<L>>,
    id: L::Id,
    flight: Arc<Flight>,
    landed: bool,
}

impl<L: Loader> Seat<L> {
    fn new(reader: &Arc<Reader<L>>, (id, flight): Boarded<L::Id>) -> Self {
        Self { reader: Arc::clone(reader), id, flight, landed: false }
    }

    /// Lands the flight; gives the next one, which is to be started.
    fn land(mut self, landing: Landing) -> Option<Boarded<L::Id>> {
        self.landed = true;
        let next = self.reader.flights.land(&self.id, &self.flight, landing)?;
        Some((self.id.clone(), next))
    }
}

impl<L: Loader> Drop for Seat<L> {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        if let Some(next) = self.reader.flights.land(&self.id, &self.flight, Err(LoadError::Aborted)) {
            self.reader.start(vec![(self.id.clone(), next)]);
        }
    }
}
