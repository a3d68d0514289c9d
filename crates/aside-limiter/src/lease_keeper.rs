//! Looks after quota leases: renews those in use before a request has to wait for the next one, and settles those that end and those
//! that are called back for a client that would be refused elsewhere.

use std::{
    collections::VecDeque,
    future,
    sync::Arc,
    time::{Duration, Instant},
};

use aside_redis::{Event, RedisClient, Subscriber};
use aside_runtime::shutdown::Shutdown;
use tokio::{
    sync::mpsc,
    time::{self, MissedTickBehavior},
};

use super::{
    policy::{Charge, Limit, Quotas},
    quota_lease::Settlement,
    quota_leases::{PARTS, QuotaLeases, Take},
    shared::{REVOCATIONS, SharedLimiter},
};

/// How often each lease is looked at.
const SWEEP: Duration = Duration::from_millis(250);
/// A lease is settled so long before its end, so that it is not counted any more where it was not used by the time that it
/// looks like requests which were admitted.
const MARGIN: Duration = Duration::from_millis(500);
/// Settled, or renewed, in one round trip: a third of a millisecond of Redis's time, which others wait for.
const BATCH: usize = 16;
/// Revocations waiting to be seen to. One that finds no room is made again by the request that waits for it.
const QUEUE: usize = 1_024;

/// Starts; gives what tells whether revocations are heard.
pub(super) fn start(
    redis: &RedisClient,
    quotas: Quotas,
    shared: SharedLimiter,
    quota_leases: Arc<QuotaLeases>,
    shutdown: &Shutdown,
) -> Subscriber {
    let (revocations, revoked) = mpsc::channel(QUEUE);
    let hear = move |_connection, event: Event<'_>| {
        let revoke = match event {
            Event::Message(message) => str::from_utf8(message).ok().map(|key| Revocation::One(key.to_owned())),
            Event::Lost => Some(Revocation::All),
            Event::Subscribed => None,
        };
        if let Some(revoke) = revoke {
            let _made_again = revocations.try_send(revoke);
        }
    };
    let subscriber = redis.subscribe(REVOCATIONS, hear, shutdown);
    let lease_keeper = LeaseKeeper { quotas, shared, quota_leases, subscriber: subscriber.clone() };
    let stop = shutdown.clone();
    shutdown.spawn(async move {
        lease_keeper.run(revoked, stop).await;
        // No request uses them any more.
        lease_keeper.settle(&lease_keeper.quota_leases.revoke_all(Instant::now())).await;
    });
    subscriber
}

/// What is to be settled at once.
enum Revocation {
    /// What was taken under this key.
    One(String),
    /// Everything: what is called back is not heard any more.
    All,
}

struct LeaseKeeper {
    quotas: Quotas,
    shared: SharedLimiter,
    quota_leases: Arc<QuotaLeases>,
    subscriber: Subscriber,
}

fn batch_of<T>(queue: &mut VecDeque<T>) -> Vec<T> {
    queue.drain(..BATCH.min(queue.len())).collect()
}

impl LeaseKeeper {
    /// Until the shutdown; what it has begun it finishes.
    async fn run(&self, mut revoked: mpsc::Receiver<Revocation>, stop: Shutdown) {
        let mut ticks = time::interval(SWEEP / u32::try_from(PARTS).unwrap_or(u32::MAX));
        let mut parts = (0..PARTS).cycle();
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // These can wait a moment; a request waits for a revocation.
        let (mut ending, mut due) = (VecDeque::new(), VecDeque::new());
        let mut revocations = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = stop.drained() => return,
                1.. = revoked.recv_many(&mut revocations, BATCH) => {
                    let settlements: Vec<Settlement> = revocations.drain(..).flat_map(|revoke| self.revoke(&revoke)).collect();
                    self.settle(&settlements).await;
                }
                () = future::ready(()), if !ending.is_empty() => {
                    self.settle(&batch_of(&mut ending)).await;
                }
                () = future::ready(()), if !due.is_empty() => {
                    self.renew(&batch_of(&mut due)).await;
                }
                _tick = ticks.tick() => {
                    let part = parts.next().unwrap_or_default();
                    let swept = self.quota_leases.sweep(part, Instant::now(), MARGIN, self.subscriber.number());
                    ending.extend(swept.ended);
                    due.extend(swept.due);
                }
            }
        }
    }

    fn revoke(&self, revoke: &Revocation) -> Vec<Settlement> {
        let now = Instant::now();
        match revoke {
            Revocation::One(key) => {
                let charge = self.shared.name_of(key).and_then(|name| self.quotas.leased_charge(&name));
                charge.and_then(|charge| self.quota_leases.revoke(&charge, now)).into_iter().collect()
            }
            Revocation::All => self.quota_leases.revoke_all(now),
        }
    }

    /// What Redis does not answer for stands until it leaves the window.
    async fn settle(&self, settlements: &[Settlement]) {
        for batch in settlements.chunks(BATCH) {
            self.shared.settle(batch).await;
        }
    }

    /// Takes another lease in place of each that is due. Requests of these clients wait for it meanwhile.
    async fn renew(&self, charges: &[Charge]) {
        let Some(connection) = self.subscriber.number() else { return };
        let now = Instant::now();
        let due: Vec<(Limit, Take)> = self
            .quotas
            .limits(charges)
            .into_iter()
            .filter_map(|limit| self.quota_leases.renew(&limit, now, connection).map(|take| (limit, take)))
            .collect();
        let decided = self.shared.renew(&due).await.unwrap_or_else(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "leases were not renewed");
            Vec::new()
        });
        // Who got no answer has nothing in hand, and asks when it comes again.
        let mut decided = decided.into_iter();
        for (limit, take) in due {
            let lease = decided.next().and_then(Result::ok).and_then(|decided| decided.lease(limit.slices));
            self.quota_leases.keep(&limit.charge, lease, take.wanted, Instant::now(), connection);
        }
    }
}
