//! Single flight: one load for each missing entry in this process.
//!
//! A load is shared only by readers that arrived before its answer was asked for. Joining any load under way, as single
//! flight usually does, serves a reader the state before a write that was answered before the reader began (the test
//! `joining_a_dead_flight`). So a flight is *joinable* until its statement is issued; a later reader joins the *next* flight of
//! that entry, which starts when the current one is complete:
//!
//! ```text
//!   flight 1   joinable ─ closed ─ SET NX ─ SELECT ─ fill ─ complete
//!   flight 2            └ joinable ──────────────────────── closed ─ SET NX (finds the value) ─ complete
//! ```
//!
//! So each process has at most one load of an entry under way, however many readers it has.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aside_postgres::admission::Overloaded;
use parking_lot::Mutex;
use tokio::{sync::SetOnce, time};

use crate::{error::LoadError, protocol::EntryValue};

/// A value and where the flight has it from.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) value: EntryValue,
    pub(super) source: Source,
}

/// Where a flight's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It was in Redis after all.
    Found,
    /// Another process filled it while this flight waited for that.
    Awaited,
    /// Loaded under a lease; whether the fill was taken.
    Loaded {
        /// Whether it is in Redis now.
        stored: bool,
    },
    /// Loaded without the right to store it: a write is under way, or Redis is out of reach.
    Bypassed,
}

impl Source {
    /// Whether Redis held the value, unfenced, when the flight completed.
    pub(super) fn is_redis(self) -> bool {
        match self {
            Self::Found | Self::Awaited | Self::Loaded { stored: true } => true,
            Self::Loaded { stored: false } | Self::Bypassed => false,
        }
    }
}

/// One load of one entry, or the wait for it.
#[derive(Debug, Default)]
pub(super) struct Flight {
    outcome: SetOnce<Result<Outcome, LoadError>>,
    /// Whether it waits for its permit to load.
    is_queued: AtomicBool,
}

impl Flight {
    /// Waits for the outcome. A reader with a queue timeout is refused if the flight has no permit by then; a load that has begun
    /// is waited for.
    ///
    /// # Cancel safety
    ///
    /// A reader that is cancelled leaves the flight to its followers.
    pub(super) async fn outcome(&self, queue_timeout: Option<Duration>) -> Result<Outcome, LoadError> {
        if let Some(queue_timeout) = queue_timeout
            && time::timeout(queue_timeout, self.outcome.wait()).await.is_err()
            && self.is_queued.load(Ordering::Relaxed)
        {
            return Err(Overloaded.into());
        }
        self.outcome.wait().await.clone()
    }
}

/// The part of a reader in the flight that it joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The first reader, which has the flight led.
    Leader,
    /// Any other reader.
    Follower,
}

/// A flight that was joined.
#[derive(Debug)]
pub(super) struct Joined<Id: Clone + Eq + Hash> {
    pub(super) flight: Arc<Flight>,
    /// Given to the first reader: the flight is to be led.
    pub(super) leads: Option<Lead<Id>>,
}

/// A flight that is to be led once the flight before it is complete.
#[derive(Debug)]
pub(super) struct Lead<Id: Clone + Eq + Hash> {
    pub(super) previous: Option<Arc<Flight>>,
    pub(super) guard: CompletionGuard<Id>,
}

/// The flights of one kind of entry. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct SingleFlight<Id> {
    table: Arc<Mutex<HashMap<Id, Flights>>>,
}

/// The flights of one entry.
#[derive(Debug)]
struct Flights {
    current: Arc<Flight>,
    /// Whether the statement that the current flight's outcome will come from has not been issued yet.
    is_joinable: bool,
    next: Option<Arc<Flight>>,
}

impl<Id: Clone + Eq + Hash> SingleFlight<Id> {
    pub(super) fn new() -> Self {
        Self { table: Arc::default() }
    }

    /// Joins a flight whose outcome will be from after now.
    pub(super) fn join(&self, id: &Id) -> Joined<Id> {
        let guard = |flight: &Arc<Flight>| {
            let (flight, flights) = (Arc::clone(flight), self.clone());
            CompletionGuard { flights, id: id.clone(), flight, is_complete: false }
        };
        match self.table.lock().entry(id.clone()) {
            Entry::Vacant(vacant) => {
                let flight = Arc::<Flight>::default();
                vacant.insert(Flights { current: Arc::clone(&flight), is_joinable: true, next: None });
                let leads = Some(Lead { previous: None, guard: guard(&flight) });
                Joined { flight, leads }
            }
            Entry::Occupied(mut occupied) => {
                let flights = occupied.get_mut();
                if flights.is_joinable {
                    Joined { flight: Arc::clone(&flights.current), leads: None }
                } else if let Some(next) = &flights.next {
                    Joined { flight: Arc::clone(next), leads: None }
                } else {
                    let flight = Arc::clone(flights.next.insert(Arc::default()));
                    let previous = Some(Arc::clone(&flights.current));
                    Joined { leads: Some(Lead { previous, guard: guard(&flight) }), flight }
                }
            }
        }
    }

    /// Sets whether readers may join these flights: not from just before the statement is issued that an outcome will come from,
    /// and again while the flight waits for something else.
    pub(super) fn set_joinable<'a>(&self, guards: impl Iterator<Item = &'a CompletionGuard<Id>>, is_joinable: bool)
    where
        Id: 'a,
    {
        let mut table = self.table.lock();
        for guard in guards {
            if let Some(flights) = table.get_mut(&guard.id) {
                flights.is_joinable = is_joinable;
            }
        }
    }

    /// Completes a flight. The next flight of the entry, if readers have joined one, is the current one from now on.
    fn complete(&self, id: &Id, flight: &Arc<Flight>, outcome: Result<Outcome, LoadError>) {
        {
            let mut table = self.table.lock();
            if let Entry::Occupied(mut occupied) = table.entry(id.clone()) {
                let flights = occupied.get_mut();
                if !Arc::ptr_eq(&flights.current, flight) {
                    // Its leader was dropped before its turn.
                    flights.next = None;
                } else if let Some(next) = flights.next.take() {
                    flights.current = next;
                    flights.is_joinable = true;
                } else {
                    occupied.remove();
                }
            }
        }
        let _set_once = flight.outcome.set(outcome);
    }
}

/// The duty to complete one flight. Dropped without an outcome (a panic, the end of the process), it completes it as aborted.
#[derive(Debug)]
#[must_use = "dropped, its flight is aborted"]
pub(super) struct CompletionGuard<Id: Clone + Eq + Hash> {
    flights: SingleFlight<Id>,
    pub(super) id: Id,
    flight: Arc<Flight>,
    is_complete: bool,
}

impl<Id: Clone + Eq + Hash> CompletionGuard<Id> {
    /// The flight waits for its permit from now on, or no more.
    pub(super) fn set_queued(&self, is_queued: bool) {
        self.flight.is_queued.store(is_queued, Ordering::Relaxed);
    }

    /// Gives all readers their outcome.
    pub(super) fn complete(mut self, outcome: Result<Outcome, LoadError>) {
        self.is_complete = true;
        self.flights.complete(&self.id, &self.flight, outcome);
    }
}

impl<Id: Clone + Eq + Hash> Drop for CompletionGuard<Id> {
    fn drop(&mut self) {
        if !self.is_complete {
            self.flights.complete(&self.id, &self.flight, Err(LoadError::Aborted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Outcome {
        let value = EntryValue { payload: None, version: 1, expires_at_ms: 0, cost_us: 0, refreshing_since_ms: None };
        Outcome { value, source: Source::Found }
    }

    fn lead(joined: &mut Joined<i32>) -> Lead<i32> {
        joined.leads.take().expect("the first reader leads")
    }

    #[test]
    fn readers_join_a_flight_until_its_statement_is_issued() {
        let flights = SingleFlight::new();
        let mut first = flights.join(&1);
        let leader = lead(&mut first);
        let joined = flights.join(&1);
        assert!(joined.leads.is_none() && Arc::ptr_eq(&first.flight, &joined.flight));

        flights.set_joinable([&leader.guard].into_iter(), false);

        let mut late = flights.join(&1);
        let next = lead(&mut late);
        assert!(next.previous.as_ref().is_some_and(|previous| Arc::ptr_eq(previous, &first.flight)));
        assert!(!Arc::ptr_eq(&first.flight, &late.flight));
        assert!(flights.join(&1).leads.is_none());
    }

    #[tokio::test]
    async fn the_next_flight_becomes_the_current_one() {
        let flights = SingleFlight::new();
        let mut first = flights.join(&1);
        let leader = lead(&mut first);
        flights.set_joinable([&leader.guard].into_iter(), false);
        let mut late = flights.join(&1);
        let next = lead(&mut late);

        leader.guard.complete(Ok(found()));

        assert!(first.flight.outcome(None).await.is_ok());
        assert!(Arc::ptr_eq(&flights.join(&1).flight, &late.flight));
        next.guard.complete(Ok(found()));
        assert!(flights.join(&1).leads.is_some(), "the table is empty again");
    }

    #[tokio::test]
    async fn a_leader_that_is_dropped_aborts_its_flight_and_no_other() {
        let flights = SingleFlight::new();
        let mut first = flights.join(&1);
        let leader = lead(&mut first);
        flights.set_joinable([&leader.guard].into_iter(), false);
        let mut late = flights.join(&1);

        drop(lead(&mut late));

        assert!(matches!(late.flight.outcome(None).await, Err(LoadError::Aborted)));
        assert!(flights.join(&1).leads.is_some(), "another next flight");
        leader.guard.complete(Ok(found()));
        assert!(first.flight.outcome(None).await.is_ok());
    }

    #[tokio::test]
    async fn a_flight_without_a_permit_is_waited_for_until_the_queue_timeout() {
        let flights = SingleFlight::new();
        let mut joined = flights.join(&1);
        let leader = lead(&mut joined);
        leader.guard.set_queued(true);

        let refused = joined.flight.outcome(Some(Duration::from_millis(1))).await;

        assert!(matches!(refused, Err(LoadError::Overloaded(_))), "{refused:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_that_has_begun_is_waited_for() {
        let flights = SingleFlight::new();
        let mut joined = flights.join(&1);
        let leader = lead(&mut joined);
        tokio::spawn(async move {
            time::sleep(Duration::from_millis(20)).await;
            leader.guard.complete(Ok(found()));
        });

        assert!(joined.flight.outcome(Some(Duration::from_millis(1))).await.is_ok());
    }
}
