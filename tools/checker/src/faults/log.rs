//! Which faults were on when, and which replicas are disturbed now.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    history::{FaultSpan, Reach, ReplicaNumber},
    time::{Clock, Interval, Micros},
};

/// Written by the saboteurs, read by the clients and by the verdict.
pub struct FaultLog {
    clock: Clock,
    spans: Mutex<Vec<FaultSpan>>,
    /// How many faults each replica suffers that keep it from answering.
    disturbed: Vec<AtomicUsize>,
    on: AtomicUsize,
}

impl FaultLog {
    /// An empty one for so many replicas.
    #[must_use]
    pub fn new(clock: Clock, replicas: usize) -> Self {
        let disturbed = (0..replicas).map(|_| AtomicUsize::new(0)).collect();
        Self { clock, spans: Mutex::new(Vec::new()), disturbed, on: AtomicUsize::new(0) }
    }

    /// A fault begins. It is on until the guard is dropped.
    #[must_use]
    pub fn begin(&self, name: String, cuts_redis_of: Reach, silences: Option<ReplicaNumber>) -> FaultGuard<'_> {
        let interval = Interval { start: self.clock.now(), end: Micros::MAX };
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.push(FaultSpan { name, interval, cuts_redis_of });
        self.on.fetch_add(1, Ordering::Relaxed);
        if let Some(replica) = silences {
            self.disturbed[usize::from(replica)].fetch_add(1, Ordering::Relaxed);
        }
        FaultGuard { log: self, place: spans.len() - 1, silences }
    }

    /// Whether this replica is known not to answer now.
    #[must_use]
    pub fn is_silent(&self, replica: ReplicaNumber) -> bool {
        self.disturbed[usize::from(replica)].load(Ordering::Relaxed) > 0
    }

    /// Whether any fault is on now.
    #[must_use]
    pub fn is_any_on(&self) -> bool {
        self.on.load(Ordering::Relaxed) > 0
    }

    /// What kind of fault was the last to end before this moment, and how long before.
    #[must_use]
    pub fn latest_before(&self, moment: Micros) -> (String, Micros) {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = spans.iter().filter(|span| span.interval.end <= moment);
        match ended.max_by_key(|span| span.interval.end) {
            Some(span) => {
                let kind = span.name.split(' ').next().unwrap_or_default();
                (kind.to_owned(), moment - span.interval.end)
            }
            None => ("none".to_owned(), moment),
        }
    }

    /// All of them so far.
    #[must_use]
    pub fn spans(&self) -> Vec<FaultSpan> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// While it lives, the fault is on.
pub struct FaultGuard<'l> {
    log: &'l FaultLog,
    place: usize,
    silences: Option<ReplicaNumber>,
}

impl Drop for FaultGuard<'_> {
    fn drop(&mut self) {
        let mut spans = self.log.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans[self.place].interval.end = self.log.clock.now();
        self.log.on.fetch_sub(1, Ordering::Relaxed);
        if let Some(replica) = self.silences {
            self.log.disturbed[usize::from(replica)].fetch_sub(1, Ordering::Relaxed);
        }
    }
}
