//! One identity for all connections of this process, or none is used.
//!
//! ```text
//!   gathering ──── all have joined; or those that could, and none differed ────▶ agreed: handles are given out
//!       ▲                                                                          │
//!       └──── one that joins has another identity: all are ended, and made anew ◀──┘
//! ```
//!
//! A name that leads to two servers, a move that is half finished, a fail-over that some connections have not noticed: half
//! of the reads would come from a server that the other half's fences never reach. Once two identities were seen, no
//! connection is used until all have joined with one.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{error::RedisError, handle::Connection};

/// How long the connections that are there wait for the others to join, as long as none has differed or was refused.
const GRACE: Duration = Duration::from_secs(1);

/// The connections of this process.
pub(crate) struct Agreement {
    /// Where handles come from; empty until there is an agreement.
    slots: Box<[ArcSwapOption<Connection>]>,
    state: Mutex<State>,
    /// Connections of slots that broke, and agreements that ended.
    lost: AtomicU64,
    /// Told when slots were filled.
    connected: Notify,
}

#[derive(Debug)]
struct State {
    /// Those of the slots first, then those that listen.
    members: Vec<Option<Arc<Connection>>>,
    is_agreed: bool,
    /// Whether all have to join: two identities were seen, or a server was refused.
    needs_all: bool,
    /// Since when the first of those that are there waits.
    gathering_since: Option<Instant>,
}

/// The place of one connection among all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(usize);

impl Agreement {
    /// None has joined; so many connections are for commands.
    pub(crate) fn new(slots: usize) -> Self {
        let members = vec![None; slots];
        let state = State { members, is_agreed: false, needs_all: false, gathering_since: None };
        Self {
            slots: (0..slots).map(|_| ArcSwapOption::empty()).collect(),
            state: Mutex::new(state),
            lost: AtomicU64::new(0),
            connected: Notify::new(),
        }
    }

    /// The places of the connections for commands.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        (0..self.slots.len()).map(Place)
    }

    /// A place for one more connection that listens.
    pub(crate) fn add_place(&self) -> Place {
        let mut state = self.state.lock();
        state.members.push(None);
        Place(state.members.len() - 1)
    }

    pub(crate) fn slots(&self) -> &[ArcSwapOption<Connection>] {
        &self.slots
    }

    /// How often what was read through a connection may have become wrong.
    pub(crate) fn losses(&self) -> u64 {
        self.lost.load(Ordering::SeqCst)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.slots.iter().any(|slot| slot.load().as_ref().is_some_and(|connection| !connection.broken.is_cancelled()))
    }

    /// Resolves when handles are given out.
    pub(crate) async fn connected(&self) {
        loop {
            let told = self.connected.notified();
            if self.is_connected() {
                return;
            }
            told.await;
        }
    }

    /// A new connection, which is used from the agreement on. One of another identity than those that are there ends them
    /// all, and is not used.
    pub(crate) fn join(&self, Place(place): Place, connection: &Arc<Connection>) -> Result<(), RedisError> {
        let mut state = self.state.lock();
        self.compare(&mut state, connection)?;
        state.members[place] = Some(Arc::clone(connection));
        state.gathering_since.get_or_insert_with(Instant::now);
        if state.is_agreed || state.members.iter().all(Option::is_some) {
            self.agree(&mut state);
        }
        Ok(())
    }

    /// A connection that was made only to see where the address leads.
    pub(crate) fn meet(&self, connection: &Arc<Connection>) -> Result<(), RedisError> {
        self.compare(&mut self.state.lock(), connection)
    }

    fn compare(&self, state: &mut State, connection: &Arc<Connection>) -> Result<(), RedisError> {
        let identity = connection.server.identity;
        let Some(other) = state.members.iter().flatten().find(|member| member.server.identity != identity) else {
            return Ok(());
        };
        let split = other.server.differs_from(&connection.server);
        self.end_all(state);
        Err(split)
    }

    /// Ends all connections: one of them leads to another server than it did.
    pub(crate) fn dissolve(&self) {
        self.end_all(&mut self.state.lock());
    }

    fn end_all(&self, state: &mut State) {
        // Before anything else: what was read through them is not believed any more.
        self.lost.fetch_add(1, Ordering::SeqCst);
        state.is_agreed = false;
        state.needs_all = true;
        state.gathering_since = None;
        self.slots.iter().for_each(|slot| slot.store(None));
        for member in state.members.iter_mut().filter_map(Option::take) {
            member.give_up();
        }
    }

    /// A server that answers was refused: until there is an agreement, the others do not begin without this connection.
    pub(crate) fn note_refusal(&self) {
        self.state.lock().needs_all = true;
    }

    /// The connections that have joined are used without the others once they have waited for the grace, if they may.
    pub(crate) fn begin_after_grace(&self) {
        let mut state = self.state.lock();
        let is_over = state.gathering_since.is_some_and(|since| since.elapsed() >= GRACE);
        if !state.is_agreed && !state.needs_all && is_over {
            self.agree(&mut state);
        }
    }

    fn agree(&self, state: &mut State) {
        state.is_agreed = true;
        state.needs_all = false;
        for (slot, member) in self.slots.iter().zip(&state.members) {
            slot.store(member.clone());
        }
        self.connected.notify_waiters();
    }

    /// This connection is over.
    pub(crate) fn leave(&self, Place(place): Place) {
        let mut state = self.state.lock();
        let was_there = state.members[place].take().is_some();
        if was_there && let Some(slot) = self.slots.get(place) {
            self.lost.fetch_add(1, Ordering::SeqCst);
            slot.store(None);
        }
        if state.members.iter().all(Option::is_none) {
            state.is_agreed = false;
            state.gathering_since = None;
        }
    }
}

impl fmt::Debug for Agreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Agreement").field(&*self.state.lock()).finish()
    }
}
