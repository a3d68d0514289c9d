//! Step 7, the near cache: copies in the process that are exact. Each fence counts up a sequence in Redis; a near entry is good
//! while the sequence is what it was before the entry was looked up.
//!
//! So a read asks Redis for one number, and all reads that wait for it share one such freshness check. The outbox of step 6 is
//! left out here; its relay counts up the sequence as a fence does.

/// Step 5, whose `read` is used as it is.
#[path = "5_fence.rs"]
#[allow(dead_code, reason = "its writer and its stories are not")]
mod fence;

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Result;
use futures::future::try_join_all;
use shop::{PRODUCT, Shop, Verdict, go_on, in_a_shop, set_price, token};

/// Counts a change. A sequence that is missing goes on above every number ever used: at the clock in microseconds.
const COUNT: &str = "if redis.call('INCR', KEYS[1]) == 1 then
    local now = redis.call('TIME')
    redis.call('SET', KEYS[1], now[1] .. string.format('%06d', now[2]), 'EX', 86400)
end ";
const SEQUENCE: &str = "return tonumber(redis.call('GET', KEYS[1]))";
const FENCE: &str = "redis.call('SET', KEYS[2], ARGV[1], 'EX', 15)";
/// If the own fence was lost, near entries may be of what came in its place.
const RELEASE: &str = "
    local held = redis.call('GET', KEYS[2])
    if held and (held == ARGV[1] or string.sub(held, 1, 5) ~= 'fence') then redis.call('DEL', KEYS[2]) end
    if held == ARGV[1] then return end ";

pub(crate) struct Process<'a> {
    shop: &'a Shop,
    /// The sequence before the lookup, and what the lookup found.
    near: Mutex<HashMap<i64, (i64, Option<i64>)>>,
    arrived: AtomicU64,
    /// The last freshness check: the reads that had arrived before it was issued, and its answer.
    checked: tokio::sync::Mutex<(u64, i64)>,
}

impl<'a> Process<'a> {
    pub(crate) fn new(shop: &'a Shop) -> Self {
        Self { shop, near: Mutex::default(), arrived: AtomicU64::new(0), checked: tokio::sync::Mutex::default() }
    }

    async fn freshness_check(&self) -> Result<i64> {
        let check = format!("if redis.call('EXISTS', KEYS[1]) == 0 then {COUNT} end {SEQUENCE}");
        let arrival = self.arrived.fetch_add(1, Ordering::SeqCst) + 1;
        let mut checked = self.checked.lock().await;
        if checked.0 < arrival {
            let arrived = self.arrived.load(Ordering::SeqCst);
            *checked = (arrived, self.shop.eval(&check, &[self.shop.key("sequence")], &[]).await?);
        }
        Ok(checked.1)
    }

    pub(crate) async fn read(&self, id: i64, looked_up: impl AsyncFnOnce() -> Result<()>) -> Result<Option<i64>> {
        let sequence = self.freshness_check().await?;
        let near = self.near.lock().expect("no holder panics").get(&id).copied();
        if let Some((of, price)) = near
            && of == sequence
        {
            return Ok(price);
        }
        // What was loaded under a fence, or was not stored, is good for this answer only.
        let (price, is_in_redis) = fence::read(self.shop, id).await?;
        looked_up().await?;
        if is_in_redis {
            self.near.lock().expect("no holder panics").insert(id, (sequence, price));
        }
        Ok(price)
    }

    pub(crate) async fn write(&self, id: i64, price: i64, fenced: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        let (shop, fence) = (self.shop, token("fence"));
        let keys = [shop.key("sequence"), shop.key(id)];
        let mut transaction = shop.postgres.begin().await?;
        set_price(&mut *transaction, id, price).await?;
        shop.eval(&format!("{FENCE} {COUNT}"), &keys, &[&fence]).await?;
        fenced().await?;
        transaction.commit().await?;
        shop.eval(&format!("{RELEASE} {COUNT}"), &keys, &[&fence]).await?;
        Ok(())
    }
}

pub(crate) async fn hundred_reads(shop: &Shop) -> Result<usize> {
    let process = Process::new(shop);
    process.read(PRODUCT, go_on).await?;
    let before = shop.round_trips();
    try_join_all((0..100).map(|_| process.read(PRODUCT, go_on))).await?;
    let round_trips = shop.round_trips() - before;
    shop.say("right", format!("100 reads at once: {round_trips} round trips to Redis"));
    Ok(round_trips)
}

pub(crate) async fn copy_in_the_process(shop: &Shop) -> Result<Verdict> {
    let (a, b) = (Process::new(shop), Process::new(shop));
    a.read(PRODUCT, go_on).await?;
    shop.say("A", "reads price 1, and keeps a near entry");
    b.write(PRODUCT, 2, go_on).await?;
    shop.say("B", "writes price 2: fence and sequence, COMMIT, release, answer");
    let seen = a.read(PRODUCT, go_on).await?;
    shop.judge(seen).await
}

#[tokio::main]
async fn main() -> Result<()> {
    in_a_shop(hundred_reads).await?;
    in_a_shop(copy_in_the_process).await?;
    Ok(())
}
