//! Single flight: who may share whose load within this process.
//!
//! A load is shared only by readers who arrived before its answer was asked for. Joining any load under way, as single
//! flight usually does, serves a reader the state before a write that was answered before the reader began (the test
//! `joining_a_dead_flight`). So a flight *boards* until its look or statement is issued; who comes later boards the *next*
//! flight of that key, which starts when the current one has landed:
//!
//! ```text
//!   flight 1   boards ─ closes ─ SET NX ─ SELECT ─ fill ─ lands
//!   flight 2          └ boards ─────────────────────────── closes ─ SET NX (finds the value) ─ lands
//! ```
//!
//! So each process has at most one load of a key under way, however many read it. Looks at a key fly by the same rule.

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

use super::{error::LoadError, fetched::Fetched, near::Markers, value::CellValue};

/// The answer of a flight, for all on board.
pub(super) type Landing = Result<Landed, LoadError>;

/// What was seen of some cells: the answer of a flight that looks at one.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// What each holds that holds a value.
    pub(super) hits: Vec<Option<Fetched>>,
    /// Placed before; those of hits are used up.
    pub(super) markers: Markers,
}

impl Look {
    /// Nothing was seen, of one cell.
    pub(super) fn in_vain() -> Self {
        Self { hits: vec![None], markers: Markers::default() }
    }
}

/// A value and how the flight came by it.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) value: CellValue,
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
    /// Whether Redis held the value, unfenced, when the flight landed.
    pub(super) fn is_redis(self) -> bool {
        match self {
            Self::Found | Self::Awaited | Self::Loaded { stored: true } => true,
            Self::Loaded { stored: false } | Self::Bypassed => false,
        }
    }
}

/// One answer for one key, or the wait for it.
#[derive(Debug)]
pub(super) struct Flight<T = Landing> {
    landing: SetOnce<T>,
    /// Whether it waits for its turn to load.
    is_queued: AtomicBool,
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self { landing: SetOnce::new(), is_queued: AtomicBool::new(false) }
    }
}

impl<T: Clone> Flight<T> {
    /// Waits until the flight has landed.
    ///
    /// # Cancel safety
    ///
    /// A reader that goes away leaves the flight to the others on board.
    pub(super) async fn answer(&self) -> T {
        self.landing.wait().await.clone()
    }
}

impl Flight {
    /// Waits until the flight has landed. A reader who would wait for a turn only so long is shed if the flight has none by
    /// then; a load that has begun is waited for.
    ///
    /// # Cancel safety
    ///
    /// A reader that goes away leaves the flight to the others on board.
    pub(super) async fn landed(&self, patience: Option<Duration>) -> Landing {
        if let Some(patience) = patience
            && time::timeout(patience, self.landing.wait()).await.is_err()
            && self.is_queued.load(Ordering::Relaxed)
        {
            return Err(Overloaded.into());
        }
        self.answer().await
    }

    /// It waits for its turn from now on, or no more.
    pub(super) fn set_queued(&self, is_queued: bool) {
        self.is_queued.store(is_queued, Ordering::Relaxed);
    }
}

/// A flight that is to be started, and the key it is for.
pub(super) type Boarded<Id> = (Id, Arc<Flight>);

/// What a reader is to the flight it boarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The first of a flight that nobody has started: must start it.
    Starter,
    /// The first of a flight that starts when the one before has landed.
    First,
    /// One of the others.
    Passenger,
}

/// The flights of one kind of cell, by id.
#[derive(Debug)]
pub(super) struct Flights<Id, T = Landing> {
    table: Mutex<HashMap<Id, Slot<T>>>,
}

#[derive(Debug)]
struct Slot<T> {
    current: Arc<Flight<T>>,
    /// Whether what the current flight's answer will come from has not been issued yet.
    boarding: bool,
    next: Option<Arc<Flight<T>>>,
}

impl<Id: Clone + Eq + Hash, T> Flights<Id, T> {
    pub(super) fn new() -> Self {
        Self { table: Mutex::new(HashMap::new()) }
    }

    /// Boards a flight whose answer will be from after now.
    pub(super) fn board(&self, id: &Id) -> (Arc<Flight<T>>, Role) {
        match self.table.lock().entry(id.clone()) {
            Entry::Vacant(vacant) => {
                let flight = Arc::<Flight<T>>::default();
                vacant.insert(Slot { current: Arc::clone(&flight), boarding: true, next: None });
                (flight, Role::Starter)
            }
            Entry::Occupied(mut occupied) => {
                let slot = occupied.get_mut();
                if slot.boarding {
                    (Arc::clone(&slot.current), Role::Passenger)
                } else if let Some(next) = &slot.next {
                    (Arc::clone(next), Role::Passenger)
                } else {
                    let next = slot.next.insert(Arc::default());
                    (Arc::clone(next), Role::First)
                }
            }
        }
    }

    /// Sets whether the current flight of each key takes readers: closed just before what its answer will come from is
    /// issued, open again while it waits for something else.
    pub(super) fn set_boarding<'a>(&self, ids: impl Iterator<Item = &'a Id>, boarding: bool)
    where
        Id: 'a,
    {
        let mut table = self.table.lock();
        for id in ids {
            if let Some(slot) = table.get_mut(id) {
                slot.boarding = boarding;
            }
        }
    }

    /// Lands the current flight of a key, and gives the next one, which is to be started now.
    pub(super) fn land(&self, id: &Id, flight: &Flight<T>, landing: T) -> Option<Arc<Flight<T>>> {
        let next = {
            let mut table = self.table.lock();
            let next = table.get_mut(id).and_then(|slot| {
                let next = slot.next.take()?;
                slot.current = Arc::clone(&next);
                slot.boarding = true;
                Some(next)
            });
            if next.is_none() {
                table.remove(id);
            }
            next
        };
        let _lands_once = flight.landing.set(landing);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Landed {
        let value = CellValue { payload: None, version: 1, expires_at_ms: 0, cost_us: 0 };
        Landed { value, source: Source::Found }
    }

    #[test]
    fn readers_join_a_flight_until_its_answer_was_asked_for() {
        let flights = Flights::<_>::new();
        let (first, role) = flights.board(&1);
        assert_eq!(role, Role::Starter);
        let (joined, role) = flights.board(&1);
        assert_eq!(role, Role::Passenger);
        assert!(Arc::ptr_eq(&first, &joined));

        flights.set_boarding([1].iter(), false);

        let (late, role) = flights.board(&1);
        assert_eq!(role, Role::First);
        assert!(!Arc::ptr_eq(&first, &late));
        assert_eq!(flights.board(&1).1, Role::Passenger);
    }

    #[test]
    fn the_next_flight_becomes_the_current_one() {
        let flights = Flights::<_>::new();
        let (first, _) = flights.board(&1);
        flights.set_boarding([1].iter(), false);
        let (late, _) = flights.board(&1);

        let next = flights.land(&1, &first, Ok(found())).expect("somebody boarded it");

        assert!(Arc::ptr_eq(&late, &next));
        assert!(Arc::ptr_eq(&flights.board(&1).0, &next));
        assert!(flights.land(&1, &next, Ok(found())).is_none());
        assert_eq!(flights.board(&1).1, Role::Starter);
    }

    #[tokio::test]
    async fn a_flight_that_waits_for_its_turn_is_waited_for_only_so_long() {
        let flight = Flight::default();
        flight.set_queued(true);

        let shed = flight.landed(Some(Duration::from_millis(1))).await;

        assert!(matches!(shed, Err(LoadError::Overloaded(_))), "{shed:?}");
    }

    #[tokio::test]
    async fn a_load_that_has_begun_is_waited_for() {
        let flight = Arc::new(Flight::default());
        let landing = Arc::clone(&flight);
        tokio::spawn(async move {
            time::sleep(Duration::from_millis(20)).await;
            landing.landing.set(Ok(found())).unwrap();
        });

        assert!(flight.landed(Some(Duration::from_millis(1))).await.is_ok());
    }
}
