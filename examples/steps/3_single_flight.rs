//! Step 3, single flight: in each process one load for each missing entry; a leader loads, followers wait for its result.
//!
//! Its fault is in all steps so far: a fill that comes after a write stores what was read before it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use anyhow::Result;
use futures::future::try_join_all;
use redis::AsyncTypedCommands;
use shop::{PRODUCT, Shop, Verdict, go_on, in_a_shop, set_price, to_store};
use tokio::sync::{Barrier, OnceCell};

pub(crate) struct Process<'a> {
    shop: &'a Shop,
    flights: Mutex<HashMap<i64, Arc<OnceCell<Option<i64>>>>>,
}

impl<'a> Process<'a> {
    pub(crate) fn new(shop: &'a Shop) -> Self {
        Self { shop, flights: Mutex::default() }
    }

    pub(crate) async fn read(
        &self,
        id: i64,
        missed: impl AsyncFnOnce() -> Result<()>,
        loaded: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<Option<i64>> {
        if let Some(entry) = self.shop.redis().get(self.shop.key(id)).await? {
            return Ok(entry.parse().ok());
        }
        missed().await?;
        let flight = Arc::clone(self.flights.lock().expect("no holder panics").entry(id).or_default());
        let lead = async || {
            let price = self.fill(id, loaded).await;
            self.flights.lock().expect("no holder panics").remove(&id);
            price
        };
        Ok(*flight.get_or_try_init(lead).await?)
    }

    async fn fill(&self, id: i64, loaded: impl AsyncFnOnce() -> Result<()>) -> Result<Option<i64>> {
        // Another flight may have ended after this reader's miss.
        if let Some(entry) = self.shop.redis().get(self.shop.key(id)).await? {
            return Ok(entry.parse().ok());
        }
        let price = self.shop.load(id).await?;
        loaded().await?;
        let (entry, ttl) = to_store(price);
        self.shop.redis().set_ex(self.shop.key(id), entry, ttl).await?;
        Ok(price)
    }

    pub(crate) async fn write(&self, id: i64, price: i64) -> Result<()> {
        set_price(&self.shop.postgres, id, price).await?;
        self.shop.redis().del(self.shop.key(id)).await?;
        Ok(())
    }
}

pub(crate) async fn herd(shop: &Shop) -> Result<usize> {
    let (process, all_missed) = (Process::new(shop), Barrier::new(50));
    let missed = async || {
        all_missed.wait().await;
        Ok(())
    };
    try_join_all((0..50).map(|_| process.read(PRODUCT, &missed, go_on))).await?;
    shop.say("right", format!("50 readers miss the same entry: {} load", shop.loads()));
    Ok(shop.loads())
}

pub(crate) async fn late_fill(shop: &Shop) -> Result<Verdict> {
    let process = Process::new(shop);
    let loaded = async || {
        shop.say("reader", "misses, and reads price 1 from Postgres");
        process.write(PRODUCT, 2).await?;
        shop.say("writer", "commits price 2, deletes the key, and answers");
        Ok(())
    };
    process.read(PRODUCT, go_on, loaded).await?;
    shop.say("reader", "stores what it has read");
    let seen = process.read(PRODUCT, go_on, go_on).await?;
    shop.judge(seen).await
}

#[tokio::main]
async fn main() -> Result<()> {
    in_a_shop(herd).await?;
    in_a_shop(late_fill).await?;
    Ok(())
}
