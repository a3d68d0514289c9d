//! The quota leases of this process, by client. Bounded: for a client without room Redis is asked each time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use dashmap::DashMap;
use tokio::sync::watch;

use super::{
    policy::{Charge, Limit},
    quota_lease::{QuotaLease, RENEWAL, Settlement},
    server_clock::ServerClock,
    window::Reading,
};

/// Clients remembered; some 20 MB, 40 if all of them come in each slice.
const CLIENTS: usize = 65_536;

/// They are swept in so many parts, one after the other: what is due among ten thousand clients takes Redis 10 ms at once, and
/// requests wait for that.
pub(super) const PARTS: usize = 8;

/// The first lease of a client who has come a second time within a while.
const FIRST: u32 = 8;
/// How long that while is.
const WHILE: Duration = Duration::from_mins(1);

/// What is known of the clients that came lately.
#[derive(Debug)]
pub(super) struct QuotaLeases {
    clients: DashMap<Charge, State>,
    clock: Arc<ServerClock>,
}

#[derive(Debug)]
enum State {
    /// Came, and was asked about; `wanted` for when it comes again soon.
    Seen { at: Instant, wanted: u32 },
    /// One request of it is asking for a lease; this is closed when it has been answered.
    Asking(watch::Receiver<()>),
    /// Has one, which was taken while this connection listened to revocations.
    Held { lease: QuotaLease, connection: u64 },
}

/// What a request does for whose client nothing is in hand.
#[derive(Debug)]
pub(super) enum Next {
    /// It asks for a lease too.
    Take(Take),
    /// Another request of its client is doing so: it waits until this is closed, and tries again.
    Wait(watch::Receiver<()>),
    /// It asks for itself alone.
    Ask,
}

/// What was found among the quota leases.
#[derive(Debug, Default)]
pub(super) struct Swept {
    pub(super) ended: Vec<Settlement>,
    pub(super) due: Vec<Charge>,
}

/// What to ask for. To be dropped once [`QuotaLeases::keep`] was told the answer.
#[derive(Debug)]
pub(super) struct Take {
    pub(super) wanted: u32,
    pub(super) settlement: Option<Settlement>,
    _asking: watch::Sender<()>,
}

impl QuotaLeases {
    pub(super) fn new(clock: Arc<ServerClock>) -> Self {
        Self { clients: DashMap::new(), clock }
    }

    /// Admits a request that arrives now, if its client has something in advance. `connection` is the one that listens to
    /// revocations: what was taken on another is void.
    pub(super) fn spend(&self, charge: &Charge, now: Instant, connection: Option<u64>) -> Option<Reading> {
        match self.clients.get_mut(charge)?.value_mut() {
            State::Held { lease, connection: taken_on } if Some(*taken_on) == connection => {
                lease.spend(now, &self.clock)
            }
            _nothing_in_hand => None,
        }
    }

    /// What to ask Redis for beside the admission of a request that arrives now: nothing, for a client that comes rarely, and
    /// without a connection on which it could be called back; nor for one that `has_waited` for a lease which did not come.
    pub(super) fn next(&self, limit: &Limit, now: Instant, connection: Option<u64>, has_waited: bool) -> Next {
        let largest = QuotaLease::largest(limit.quota.requests, limit.slices);
        let Some(connection) = connection.filter(|_| largest > 0) else { return Next::Ask };
        let Some(mut state) = self.clients.get_mut(&limit.charge) else {
            if self.clients.len() < CLIENTS {
                // Another request of its client may have come first.
                self.clients.entry(limit.charge.clone()).or_insert(State::Seen { at: now, wanted: FIRST });
            }
            return Next::Ask;
        };
        match state.value_mut() {
            // One that is closed was dropped before its answer was kept.
            State::Asking(answered) if answered.has_changed().is_ok() => return Next::Wait(answered.clone()),
            // This one came at an edge of a slice.
            State::Held { lease, connection: taken_on } if *taken_on == connection && !lease.is_over(now, RENEWAL) => {
                return Next::Ask;
            }
            State::Seen { at, .. } if has_waited || now.saturating_duration_since(*at) > WHILE => {
                *at = now;
                return Next::Ask;
            }
            State::Held { .. } | State::Seen { .. } | State::Asking(_) => {}
        }
        Next::Take(take(&mut state, now, largest))
    }

    /// What to ask Redis for, without a request, in place of a lease that [`sweep`](Self::sweep) has found due; `None` if it has
    /// none any more that was taken on this connection.
    pub(super) fn renew(&self, limit: &Limit, now: Instant, connection: u64) -> Option<Take> {
        let mut state = self.clients.get_mut(&limit.charge)?;
        let State::Held { lease, connection: taken_on } = &*state else { return None };
        let is_due = *taken_on == connection && lease.is_due(now);
        is_due.then(|| take(&mut state, now, QuotaLease::largest(limit.quota.requests, limit.slices)))
    }

    /// The request that was to ask has asked: this is what it got.
    pub(super) fn keep(&self, charge: &Charge, lease: Option<QuotaLease>, wanted: u32, now: Instant, connection: u64) {
        let state = match lease {
            Some(lease) => State::Held { lease, connection },
            None => State::Seen { at: now, wanted },
        };
        self.clients.insert(charge.clone(), state);
    }

    /// Takes the lease of this client away, to be settled.
    pub(super) fn revoke(&self, charge: &Charge, now: Instant) -> Option<Settlement> {
        settle(self.clients.get_mut(charge)?.value_mut(), now)
    }

    /// Takes all away, to be settled.
    pub(super) fn revoke_all(&self, now: Instant) -> Vec<Settlement> {
        self.clients.iter_mut().filter_map(|mut client| settle(client.value_mut(), now)).collect()
    }

    /// What of a lease of this client is unused, in what Redis said at this time of its clock to be counted.
    pub(super) fn refresh(&self, charge: &Charge, counted: u64, server_us: u64) -> u32 {
        match self.clients.get_mut(charge).as_deref_mut() {
            Some(State::Held { lease, .. }) => lease.refresh(counted, server_us),
            _nothing_in_hand => 0,
        }
    }

    /// Of one of [`PARTS`] of all clients: takes those leases away that end within `margin`, or were taken on another
    /// connection; names the clients whose leases are due to be renewed; and forgets clients who have not come for a while.
    pub(super) fn sweep(&self, part: usize, now: Instant, margin: Duration, connection: Option<u64>) -> Swept {
        let mut swept = Swept::default();
        self.clients.retain(|charge, state| match state {
            _ if self.clients.hash_usize(charge) % PARTS != part => true,
            State::Seen { at, .. } => now.saturating_duration_since(*at) <= WHILE,
            State::Asking(_) => true,
            State::Held { lease, connection: taken_on } => {
                if Some(*taken_on) != connection || lease.ends_within(now, margin) {
                    swept.ended.extend(settle(state, now));
                } else if lease.is_due(now) {
                    swept.due.push(charge.clone());
                }
                true
            }
        });
        swept
    }
}

/// Takes what there is away, for another lease.
fn take(state: &mut State, now: Instant, largest: u32) -> Take {
    let (asking, answered) = watch::channel(());
    let (wanted, settlement) = match std::mem::replace(state, State::Asking(answered)) {
        State::Held { lease, .. } => (lease.next_size(now), Some(lease.settle())),
        State::Seen { wanted, .. } => (wanted, None),
        State::Asking(_) => (FIRST, None),
    };
    Take { wanted: wanted.min(largest), settlement, _asking: asking }
}

/// Takes a lease away, to be settled; what is none stays as it is.
fn settle(state: &mut State, now: Instant) -> Option<Settlement> {
    let State::Held { lease, .. } = &*state else { return None };
    let seen = State::Seen { at: now, wanted: lease.next_size(now) };
    let State::Held { lease, .. } = std::mem::replace(state, seen) else { return None };
    Some(lease.settle())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Policy, Quota, window::Slices};

    const CONNECTION: Option<u64> = Some(1);

    #[tokio::test]
    async fn an_asker_that_goes_away_leaves_the_question_to_whoever_waits_for_its_answer() {
        let quota_leases = QuotaLeases::new(Arc::default());
        let window = Duration::from_mins(1);
        let limit = Limit {
            charge: Charge::new(Policy::new("signed-in").leased(), uuid::Uuid::nil()),
            quota: Quota { requests: 1_000, window },
            slices: Slices::of(window),
        };
        let next = |has_waited| quota_leases.next(&limit, Instant::now(), CONNECTION, has_waited);
        assert!(matches!(next(false), Next::Ask), "the first time");
        let Next::Take(take) = next(false) else { panic!("it comes again") };
        let Next::Wait(mut answered) = next(false) else { panic!("another request asks") };

        drop(take);

        assert!(answered.changed().await.is_err(), "it is closed");
        assert!(matches!(next(true), Next::Take(_)));
    }

    #[test]
    fn clients_are_remembered_up_to_a_bound_and_forgotten_when_they_have_not_come_for_a_while() {
        let quota_leases = QuotaLeases::new(Arc::default());
        let window = Duration::from_mins(1);
        let came = Instant::now();
        for client in 0..CLIENTS as u128 + 100 {
            let charge = Charge::new(Policy::new("signed-in").leased(), uuid::Uuid::from_u128(client));
            let limit = Limit { charge, quota: Quota { requests: 1_000, window }, slices: Slices::of(window) };
            assert!(matches!(quota_leases.next(&limit, came, CONNECTION, false), Next::Ask));
        }
        assert_eq!(quota_leases.clients.len(), CLIENTS);

        let left_after = |part, later| {
            quota_leases.sweep(part, came + later, Duration::ZERO, CONNECTION);
            quota_leases.clients.len()
        };
        assert!((0..PARTS).all(|part| left_after(part, WHILE) == CLIENTS));

        let left: Vec<usize> = (0..PARTS).map(|part| left_after(part, 2 * WHILE)).collect();
        assert!(left.is_sorted_by(|before, after| before > after), "{left:?}");
        assert!(left[0] > CLIENTS / 2 && left[PARTS - 1] == 0, "{left:?}");
    }
}
