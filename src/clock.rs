//! The time, as a parameter: what needs "now" is given a [`Clock`], so that tests can move it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::SystemTime,
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// Wall-clock time. Clones share one offset, so that a test moves it for the whole application.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Now, cut to microseconds: what Postgres keeps, so that a value read back equals the value written.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let offset = TimeDelta::microseconds(self.offset_micros.load(Ordering::Relaxed));
        (Utc::now() + offset).trunc_subsecs(6)
    }

    /// Milliseconds since the Unix epoch, as cells carry their deadlines.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        // Asked for several times in a hit, so without a calendar.
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        (micros + self.offset_micros.load(Ordering::Relaxed)) / 1_000
    }

    /// Moves this clock, and all its clones, forward.
    pub fn advance(&self, by: TimeDelta) {
        let micros = by.num_microseconds().unwrap_or(i64::MAX);
        self.offset_micros.fetch_add(micros, Ordering::Relaxed);
    }
}
