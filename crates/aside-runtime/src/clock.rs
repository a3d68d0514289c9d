//! The time, as a parameter: what needs "now" is given a [`Clock`], so that tests can move it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::SystemTime,
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// Wall-clock time.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Of one that a test moves, shared by its clones. Without it a clone costs nothing: handlers have one each.
    offset_micros: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { offset_micros: None }
    }

    /// The system's clock, which [`advance`](Self::advance) moves.
    #[must_use]
    pub fn movable() -> Self {
        Self { offset_micros: Some(Arc::default()) }
    }

    /// Now, cut to microseconds: what Postgres keeps, so that a value read back equals the value written.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let offset = TimeDelta::microseconds(self.offset_micros());
        (Utc::now() + offset).trunc_subsecs(6)
    }

    /// Milliseconds since the Unix epoch, as cells carry their deadlines.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        // Asked for several times in a hit, so without a calendar.
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        (micros + self.offset_micros()) / 1_000
    }

    /// Moves this clock, and all its clones, forward.
    ///
    /// # Panics
    ///
    /// When it is not [`movable`](Self::movable).
    pub fn advance(&self, by: TimeDelta) {
        let offset_micros = self.offset_micros.as_ref().expect("it is movable");
        offset_micros.fetch_add(by.num_microseconds().unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    fn offset_micros(&self) -> i64 {
        self.offset_micros.as_ref().map_or(0, |offset| offset.load(Ordering::Relaxed))
    }
}
