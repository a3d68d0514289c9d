//! Settles advances: those that end, and those that are called back for a client that would be refused elsewhere.

use std::{
    collections::VecDeque,
    future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, time};

use super::{
    advance::Settlement,
    advances::Advances,
    policy::Charge,
    shared::{RECALLS, SharedLimiter},
};
use crate::{
    redis_client::{Heard, Listener, RedisClient},
    shutdown::Shutdown,
};

/// How often advances are looked through.
const SWEEP: Duration = Duration::from_millis(250);
/// An advance is settled so long before its end, so that it is not counted any more where it was not used by the time that it
/// looks like requests which were admitted.
const MARGIN: Duration = Duration::from_millis(500);
/// Settled in one round trip: a third of a millisecond of Redis's time, which others wait for.
const BATCH: usize = 16;
/// Recalls waiting to be seen to. One that finds no room is made again by whoever waits for it.
const QUEUE: usize = 1_024;

/// Starts settling; gives what tells whether recalls are heard.
pub(super) fn start(
    redis: &RedisClient,
    shared: SharedLimiter,
    advances: Arc<Advances>,
    shutdown: &Shutdown,
) -> Listener {
    let (recalls, recalled) = mpsc::channel(QUEUE);
    let hear = move |_connection, heard: Heard<'_>| {
        let recall = match heard {
            Heard::Message(message) => str::from_utf8(message).ok().map(|key| Recall::One(key.to_owned())),
            Heard::Lost => Some(Recall::All),
            Heard::Subscribed => None,
        };
        if let Some(recall) = recall {
            let _made_again = recalls.try_send(recall);
        }
    };
    let listener = redis.listen(RECALLS, hear, shutdown);
    let settler = Settler { shared, advances, listener: listener.clone() };
    let stop = shutdown.clone();
    shutdown.spawn(async move {
        tokio::select! {
            () = stop.drained() => {}
            () = settler.run(recalled) => {}
        }
        // Nobody uses them any more.
        settler.settle(settler.advances.sweep(Instant::now(), MARGIN, None)).await;
    });
    listener
}

/// What is to be settled at once.
enum Recall {
    /// What was taken under this key.
    One(String),
    /// Everything: what is called back is not heard any more.
    All,
}

struct Settler {
    shared: SharedLimiter,
    advances: Arc<Advances>,
    listener: Listener,
}

impl Settler {
    async fn run(&self, mut recalled: mpsc::Receiver<Recall>) {
        let mut ticks = time::interval(SWEEP);
        // Those that end can wait a moment; somebody waits for what is called back.
        let mut ending = VecDeque::new();
        let mut recalls = Vec::new();
        loop {
            tokio::select! {
                biased;
                1.. = recalled.recv_many(&mut recalls, BATCH) => {
                    self.settle(recalls.drain(..).flat_map(|recall| self.recall(&recall)).collect()).await;
                }
                () = future::ready(()), if !ending.is_empty() => {
                    self.settle(ending.drain(..BATCH.min(ending.len())).collect()).await;
                }
                _tick = ticks.tick() => {
                    ending.extend(self.advances.sweep(Instant::now(), MARGIN, self.listener.number()));
                }
            }
        }
    }

    fn recall(&self, recall: &Recall) -> Vec<Settlement> {
        let now = Instant::now();
        match recall {
            Recall::One(key) => {
                let charge = self.shared.name_of(key).and_then(|name| Charge::of_name(&name));
                charge.and_then(|charge| self.advances.recall(&charge, now)).into_iter().collect()
            }
            Recall::All => self.advances.sweep(now, MARGIN, None),
        }
    }

    /// What Redis does not answer for stands until it leaves the window.
    async fn settle(&self, settlements: Vec<Settlement>) {
        for batch in settlements.chunks(BATCH) {
            self.shared.settle(batch).await;
        }
    }
}
