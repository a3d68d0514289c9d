//! Departures: whose loads go as one.
//!
//! A statement for the cells of eight readers costs Postgres little more than one for the cells of one reader, and the round
//! trips around it cost nothing more. So a flight that is about to start while another of its kind is in the air waits until
//! that has landed; all who wait then depart together.
//!
//! ```text
//!   reader 1      departs ─ acquire ─ load 1 cell ─ fill ─ lands
//!   readers 2…9         wait, and still board ───────────────┴ depart ─ acquire ─ load 8 cells ─ fill ─ land
//! ```
//!
//! Nobody waits for company: with nothing in the air, a flight departs at once. Nor is anybody held up by a flight that stays
//! away, be it for a slow statement or one that never returns: after [`HOLD`] those who wait depart all the same. So the more
//! there is to load, the fewer statements load it, and where there is little it costs nothing.
//!
//! Refreshes, which nobody waits for, depart by the same rule without the bound: one at a time.
//!
//! Known as natural or smart batching: Martin Thompson, "Smart Batching" (Mechanical Sympathy, 2011).

use std::{fmt, mem, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Notify, time};

/// How long those in the air hold up others. Longer than a statement for some hundred rows takes; short beside the patience
/// of those who wait.
const HOLD: Duration = Duration::from_millis(5);

/// Flights that depart as one at most: what Postgres and Redis do in one go is not to hold up whoever else asks them.
const MOST_AT_ONCE: usize = 256;

/// Those of one kind who are about to fly.
pub(super) struct Departures<F> {
    field: Arc<Field<F>>,
}

struct Field<F> {
    state: Mutex<State<F>>,
    landed: Notify,
    /// How long those in the air hold up others.
    hold: Duration,
}

struct State<F> {
    /// While somebody waits there is one [`Departure`], whose duty they are.
    waiting: Vec<F>,
    in_the_air: usize,
}

/// The duty to depart with those who wait.
#[must_use = "those who wait would wait for ever"]
pub(super) struct Departure<F> {
    field: Arc<Field<F>>,
}

/// A flight from its departure on; in the air until it is dropped.
#[must_use = "dropped, it has landed"]
pub(super) struct InTheAir<F> {
    field: Arc<Field<F>>,
}

/// Who departs now, and the duty towards those who were too many.
pub(super) struct Departed<F> {
    pub(super) flights: Vec<F>,
    pub(super) in_the_air: InTheAir<F>,
    pub(super) next: Option<Departure<F>>,
}

impl<F> Departures<F> {
    /// For flights that somebody waits for. Nobody does so far, nothing is in the air.
    pub(super) fn new() -> Self {
        Self::held_up_for(HOLD)
    }

    /// For flights that nobody waits for: one at a time, however long it stays away.
    pub(super) fn one_at_a_time() -> Self {
        Self::held_up_for(Duration::MAX)
    }

    fn held_up_for(hold: Duration) -> Self {
        let state = State { waiting: Vec::new(), in_the_air: 0 };
        Self { field: Arc::new(Field { state: Mutex::new(state), landed: Notify::new(), hold }) }
    }

    /// Lets them wait; gives the duty to depart if nobody has it yet.
    pub(super) fn wait(&self, flights: Vec<F>) -> Option<Departure<F>> {
        let mut state = self.field.state.lock();
        let is_first = state.waiting.is_empty() && !flights.is_empty();
        state.waiting.extend(flights);
        is_first.then(|| Departure::of(&self.field))
    }
}

impl<F> Departure<F> {
    fn of(field: &Arc<Field<F>>) -> Self {
        Self { field: Arc::clone(field) }
    }

    /// Waits until nothing is in the air, as long as that holds others up; whoever came meanwhile is on board.
    ///
    /// # Cancel safety
    ///
    /// None: it is for a task of its own, which nobody ends before the process does.
    pub(super) async fn depart(self) -> Departed<F> {
        let hold = time::sleep(self.field.hold);
        tokio::pin!(hold);
        while !self.field.is_clear() {
            tokio::select! {
                () = self.field.landed.notified() => {}
                () = &mut hold => break,
            }
        }
        self.take_off()
    }

    fn take_off(self) -> Departed<F> {
        let mut state = self.field.state.lock();
        state.in_the_air += 1;
        let departing = state.waiting.len().min(MOST_AT_ONCE);
        let left = state.waiting.split_off(departing);
        let flights = mem::replace(&mut state.waiting, left);
        let next = (!state.waiting.is_empty()).then(|| Self::of(&self.field));
        Departed { flights, in_the_air: InTheAir { field: Arc::clone(&self.field) }, next }
    }
}

impl<F> Drop for InTheAir<F> {
    fn drop(&mut self) {
        self.field.state.lock().in_the_air -= 1;
        self.field.landed.notify_one();
    }
}

impl<F> Field<F> {
    fn is_clear(&self) -> bool {
        self.state.lock().in_the_air == 0
    }
}

impl<F> fmt::Debug for Departures<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { waiting, in_the_air } = &*self.field.state.lock();
        formatter.debug_struct("Departures").field("waiting", &waiting.len()).field("in_the_air", in_the_air).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures::poll;
    use tokio::time::Instant;

    use super::*;

    /// The duty of the first to wait.
    fn first(departures: &Departures<usize>, flight: usize) -> Departure<usize> {
        departures.wait(vec![flight]).expect("nobody waits yet")
    }

    #[tokio::test(start_paused = true)]
    async fn with_nothing_in_the_air_a_flight_departs_at_once() {
        let departures = Departures::new();
        let started = Instant::now();

        let departed = first(&departures, 1).depart().await;

        assert_eq!(departed.flights, [1]);
        assert!(departed.next.is_none());
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_come_while_a_flight_is_in_the_air_depart_as_one_when_it_has_landed() {
        let departures = Departures::new();
        let ahead = first(&departures, 1).depart().await;
        let started = Instant::now();
        let mut departing = std::pin::pin!(first(&departures, 2).depart());
        assert!(poll!(departing.as_mut()).is_pending());

        assert!(departures.wait(vec![3, 4]).is_none(), "somebody has the duty");
        drop(ahead.in_the_air);

        assert_eq!(departing.await.flights, [2, 3, 4]);
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert_eq!(first(&departures, 5).depart().await.flights, [5], "that has landed, too");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flight_that_stays_away_holds_nobody_up_for_long() {
        let departures = Departures::new();
        let _away = first(&departures, 1).depart().await.in_the_air;
        let started = Instant::now();

        let departed = first(&departures, 2).depart().await;

        assert_eq!(departed.flights, [2]);
        assert!(started.elapsed() >= HOLD, "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_waits_one_flight_at_a_time_is_in_the_air_however_long() {
        let departures = Departures::one_at_a_time();
        let ahead = first(&departures, 1).depart().await;
        let mut departing = std::pin::pin!(first(&departures, 2).depart());
        assert!(poll!(departing.as_mut()).is_pending());

        time::advance(Duration::from_hours(1)).await;
        assert!(poll!(departing.as_mut()).is_pending());
        drop(ahead.in_the_air);

        assert_eq!(departing.await.flights, [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_one_too_many_departs_next() {
        let departures = Departures::new();
        let all: Vec<usize> = (0..MOST_AT_ONCE + 2).collect();
        let duty = departures.wait(all).expect("nobody waits yet");

        let departed = duty.depart().await;

        assert_eq!(departed.flights.len(), MOST_AT_ONCE);
        drop(departed.in_the_air);
        assert!(departures.wait(vec![1_000]).is_none(), "somebody has the duty");
        let next = departed.next.expect("somebody is left").depart().await;
        assert_eq!(next.flights, [MOST_AT_ONCE, MOST_AT_ONCE + 1, 1_000]);
        assert!(next.next.is_none());
    }
}
