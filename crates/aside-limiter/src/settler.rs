//! Looks after advances: renews those in use before a request has to wait for the next one, and settles those that end and those
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
    advance::Settlement,
    advances::{Advances, PARTS, Take},
    policy::{Charge, Limit, Quotas},
    shared::{RECALLS, SharedLimiter},
};

/// How often each advance is looked at.
const SWEEP: Duration = Duration::from_millis(250);
/// An advance is settled so long before its end, so that it is not counted any more where it was not used by the time that it
/// looks like requests which were admitted.
const MARGIN: Duration = Duration::from_millis(500);
/// Settled, or renewed, in one round trip: a third of a millisecond of Redis's time, which others wait for.
const BATCH: usize = 16;
/// Recalls waiting to be seen to. One that finds no room is made again by whoever waits for it.
const QUEUE: usize = 1_024;

/// Starts; gives what tells whether recalls are heard.
pub(super) fn start(
    redis: &RedisClient,
    quotas: Quotas,
    shared: SharedLimiter,
    advances: Arc<Advances>,
    shutdown: &Shutdown,
) -> Subscriber {
    let (recalls, recalled) = mpsc::channel(QUEUE);
    let hear = move |_connection, event: Event<'_>| {
        let recall = match event {
            Event::Message(message) => str::from_utf8(message).ok().map(|key| Recall::One(key.to_owned())),
            Event::Lost => Some(Recall::All),
            Event::Subscribed => None,
        };
        if let Some(recall) = recall {
            let _made_again = recalls.try_send(recall);
        }
    };
    let subscriber = redis.subscribe(RECALLS, hear, shutdown);
    let settler = Settler { quotas, shared, advances, subscriber: subscriber.clone() };
    let stop = shutdown.clone();
    shutdown.spawn(async move {
        settler.run(recalled, stop).await;
        // Nobody uses them any more.
        settler.settle(&settler.advances.recall_all(Instant::now())).await;
    });
    subscriber
}

/// What is to be settled at once.
enum Recall {
    /// What was taken under this key.
    One(String),
    /// Everything: what is called back is not heard any more.
    All,
}

struct Settler {
    quotas: Quotas,
    shared: SharedLimiter,
    advances: Arc<Advances>,
    subscriber: Subscriber,
}

fn batch_of<T>(queue: &mut VecDeque<T>) -> Vec<T> {
    queue.drain(..BATCH.min(queue.len())).collect()
}

impl Settler {
    /// Until the shutdown; what it has begun it finishes.
    async fn run(&self, mut recalled: mpsc::Receiver<Recall>, stop: Shutdown) {
        let mut ticks = time::interval(SWEEP / u32::try_from(PARTS).unwrap_or(u32::MAX));
        let mut parts = (0..PARTS).cycle();
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // These can wait a moment; somebody waits for what is called back.
        let (mut ending, mut due) = (VecDeque::new(), VecDeque::new());
        let mut recalls = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = stop.drained() => return,
                1.. = recalled.recv_many(&mut recalls, BATCH) => {
                    let settlements: Vec<Settlement> = recalls.drain(..).flat_map(|recall| self.recall(&recall)).collect();
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
                    let swept = self.advances.sweep(part, Instant::now(), MARGIN, self.subscriber.number());
                    ending.extend(swept.ended);
                    due.extend(swept.due);
                }
            }
        }
    }

    fn recall(&self, recall: &Recall) -> Vec<Settlement> {
        let now = Instant::now();
        match recall {
            Recall::One(key) => {
                let charge = self.shared.name_of(key).and_then(|name| self.quotas.leased_charge(&name));
                charge.and_then(|charge| self.advances.recall(&charge, now)).into_iter().collect()
            }
            Recall::All => self.advances.recall_all(now),
        }
    }

    /// What Redis does not answer for stands until it leaves the window.
    async fn settle(&self, settlements: &[Settlement]) {
        for batch in settlements.chunks(BATCH) {
            self.shared.settle(batch).await;
        }
    }

    /// Takes another advance in place of each that is due. Requests of these clients wait for it meanwhile.
    async fn renew(&self, charges: &[Charge]) {
        let Some(connection) = self.subscriber.number() else { return };
        let now = Instant::now();
        let due: Vec<(Limit, Take)> = self
            .quotas
            .limits(charges)
            .into_iter()
            .filter_map(|limit| self.advances.renew(&limit, now, connection).map(|take| (limit, take)))
            .collect();
        let decided = self.shared.renew(&due).await.unwrap_or_else(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "advances were not renewed");
            Vec::new()
        });
        // Who got no answer has nothing in hand, and asks when it comes again.
        let mut decided = decided.into_iter();
        for (limit, take) in due {
            let advance = decided.next().and_then(Result::ok).and_then(|decided| decided.advance(limit.cut));
            self.advances.keep(&limit.charge, advance, take.wanted, Instant::now(), connection);
        }
    }
}
