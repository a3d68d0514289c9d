//! The circuit breaker in front of Postgres: open while it does not answer, so that no request waits for what will not come.
//!
//! ```text
//!   closed ──── a probe is not answered, nor any statement meanwhile; or   no connection can be made ────▶ open
//!     ▲                                                                                                         │
//!     └─────────────────────── a probe is answered: only probes go to Postgres while it is open ────────────────┘
//! ```
//!
//! A statement that takes long does not open it: statements may. The probe is never a request's own (`prober`).

use std::{
    future::Future,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::{self, Instant},
};

use super::error::{DatabaseError, Refusal};

/// How long statements may be under way, with not one of all answered, before Postgres is asked whether it is there.
const QUIET: Duration = Duration::from_millis(50);

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// What is known of Postgres.
#[derive(Debug)]
pub(crate) struct Health {
    state: watch::Sender<State>,
    /// Told when Postgres is suspected to be down, or a caller wants to know.
    suspicion: Notify,
    born: Instant,
    under_way: AtomicUsize,
    /// When a statement was last answered, microseconds since `born`.
    answered_us: AtomicU64,
    /// Connections older than this are not lent any more: they may lead nowhere.
    trusted_since: Mutex<Option<Instant>>,
    /// Why the server that answers is not used, as the log says it.
    refusal: Mutex<Option<Refusal>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    is_open: bool,
    /// Probes begun and ended so far.
    begun: u64,
    ended: u64,
}

/// What a probe has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Postgres answers.
    Up,
    /// It does not.
    Down,
    /// This process was held up itself.
    Unknown,
}

impl Health {
    /// Closed: the first statement finds out.
    pub(crate) fn new() -> Self {
        Self {
            state: watch::Sender::default(),
            suspicion: Notify::new(),
            born: Instant::now(),
            under_way: AtomicUsize::new(0),
            answered_us: AtomicU64::new(0),
            trusted_since: Mutex::default(),
            refusal: Mutex::default(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.borrow().is_open
    }

    /// Resolves when the breaker is open.
    pub(crate) async fn opened(&self) {
        let mut state = self.state.subscribe();
        // The sender is here, so it cannot be gone.
        let _open = state.wait_for(|state| state.is_open).await;
    }

    /// Runs `work`, which asks Postgres for something. It fails at once while Postgres is down, and when Postgres goes down meanwhile.
    ///
    /// # Cancel safety
    ///
    /// As `work`, which is dropped when Postgres goes down.
    pub(crate) async fn while_up<T>(
        &self,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        let asking = async {
            let _under_way = self.under_way();
            let result = work.await;
            self.learn_from(&result);
            result
        };
        self.unless_down(asking).await
    }

    /// Runs `work`, which asks Postgres for nothing itself. It fails while Postgres is down, and when Postgres goes down meanwhile.
    pub(crate) async fn unless_down<T>(
        &self,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        if self.is_open() {
            return Err(DatabaseError::Down);
        }
        tokio::select! {
            biased;
            result = work => result,
            () = self.opened() => Err(DatabaseError::Down),
        }
    }

    /// Counts a statement as under way until it is dropped.
    pub(crate) fn under_way(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self)
    }

    fn learn_from<T>(&self, result: &Result<T, DatabaseError>) {
        match result {
            Err(DatabaseError::Unavailable(_) | DatabaseError::TimedOut) => self.suspect(),
            Err(DatabaseError::Down) => {}
            Ok(_) | Err(_) => self.note_answer(),
        }
    }

    /// Postgres has answered something.
    pub(crate) fn note_answer(&self) {
        self.answered_us.store(self.micros(Instant::now()), Ordering::Relaxed);
    }

    /// The server that answers is not to be used: has Postgres asked whether another is there, and says why in the log, once.
    pub(crate) fn note_refusal(&self, refusal: Refusal) {
        if self.refusal.lock().replace(refusal) != Some(refusal) {
            tracing::warn!(reason = %refusal, "postgres answers, and is not used");
        }
        self.suspect();
    }

    /// Has Postgres asked whether it is there.
    pub(crate) fn suspect(&self) {
        self.suspicion.notify_one();
    }

    /// Waits for a probe that begins from now on; whether Postgres was there.
    pub(crate) async fn ask(&self) -> bool {
        let mut state = self.state.subscribe();
        let asked_after = state.borrow().begun;
        self.suspect();
        let answered = state.wait_for(|state| state.ended > asked_after).await;
        answered.is_ok_and(|state| !state.is_open)
    }

    /// Resolves when Postgres is suspected, or when no statement is answered for a while.
    pub(crate) async fn suspected(&self) {
        let quiet = async {
            loop {
                time::sleep(LOOK).await;
                if self.under_way.load(Ordering::Relaxed) > 0 && !self.has_answered_since(Instant::now() - QUIET) {
                    return;
                }
            }
        };
        tokio::select! {
            () = self.suspicion.notified() => {}
            () = quiet => {}
        }
    }

    pub(crate) fn has_answered_since(&self, moment: Instant) -> bool {
        self.answered_us.load(Ordering::Relaxed) > self.micros(moment)
    }

    /// A probe begins.
    pub(crate) fn begin_probe(&self) {
        self.state.send_modify(|state| state.begun += 1);
    }

    /// Opens the breaker before a probe has ended; it may still take long.
    pub(crate) fn open(&self) {
        self.change(Finding::Down, 0);
    }

    /// A probe has ended.
    pub(crate) fn end_probe(&self, finding: Finding) {
        if finding == Finding::Up && self.is_open() {
            self.distrust_connections();
            *self.refusal.lock() = None;
        }
        self.change(finding, 1);
    }

    fn change(&self, finding: Finding, ended: u64) {
        self.state.send_modify(|state| {
            let was_open = state.is_open;
            state.ended += ended;
            match finding {
                Finding::Up => state.is_open = false,
                Finding::Down => state.is_open = true,
                Finding::Unknown => {}
            }
            match (was_open, state.is_open) {
                (false, true) => tracing::warn!("postgres is down"),
                (true, false) => tracing::info!("postgres is up again"),
                _as_before => {}
            }
        });
    }

    /// Connections made before now are not lent any more: Postgres was down, or one of them was found silent.
    pub(crate) fn distrust_connections(&self) {
        *self.trusted_since.lock() = Some(Instant::now());
    }

    /// Whether a connection of this age may lead nowhere, so that no request should wait on it.
    pub(crate) fn is_distrusted(&self, age: Duration) -> bool {
        self.trusted_since.lock().is_some_and(|since| since.elapsed() < age)
    }

    fn micros(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.born);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

/// A statement under way.
#[derive(Debug)]
pub(crate) struct UnderWay<'h>(&'h Health);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
