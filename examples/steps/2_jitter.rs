//! Step 2, jitter and absence: each TTL is shortened by a random part, and "there is no such product" is an entry too.
//!
//! Its fault is the herd: all readers that miss an entry at the same time load it.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use redis::AsyncTypedCommands;
use shop::{PRODUCT, PRODUCTS, Shop, go_on, in_a_shop};
use tokio::sync::Barrier;

/// Seconds. Absence is kept for a short time: it is for repeated questions, and any id can be asked for.
const TTL: u64 = 600;
const TTL_OF_ABSENCE: u64 = 5;

pub(crate) async fn read(shop: &Shop, id: i64, missed: impl AsyncFnOnce() -> Result<()>) -> Result<Option<i64>> {
    if let Some(entry) = shop.redis().get(shop.key(id)).await? {
        return Ok(entry.parse().ok()); // "none" is no number
    }
    missed().await?;
    let price = shop.load(id).await?;
    let (entry, ttl) = match price {
        Some(price) => (price.to_string(), rand::random_range(TTL * 9 / 10..=TTL)),
        None => ("none".to_owned(), TTL_OF_ABSENCE),
    };
    shop.redis().set_ex(shop.key(id), entry, ttl).await?;
    Ok(price)
}

pub(crate) async fn filled_together(shop: &Shop) -> Result<(Duration, Duration)> {
    let begun = Instant::now();
    for id in PRODUCTS {
        read(shop, id, go_on).await?;
    }
    let (filled, expire) = (begun.elapsed(), shop.expiry_spread().await?);
    shop.say(
        "right",
        format!("100 entries, filled within {} ms, expire within {} ms", filled.as_millis(), expire.as_millis()),
    );
    Ok((filled, expire))
}

pub(crate) async fn absent_product(shop: &Shop) -> Result<usize> {
    for _ in 0..10 {
        read(shop, 404, go_on).await?;
    }
    shop.say("right", format!("10 reads of a product that does not exist: {} load", shop.loads()));
    Ok(shop.loads())
}

/// Gives how often Postgres was asked.
pub(crate) async fn herd(shop: &Shop) -> Result<usize> {
    let all_missed = Barrier::new(50);
    let missed = async || {
        all_missed.wait().await;
        Ok(())
    };
    try_join_all((0..50).map(|_| read(shop, PRODUCT, &missed))).await?;
    shop.say("FAULT", format!("50 readers miss the same entry: {} loads", shop.loads()));
    Ok(shop.loads())
}

#[tokio::main]
async fn main() -> Result<()> {
    in_a_shop(filled_together).await?;
    in_a_shop(absent_product).await?;
    in_a_shop(herd).await?;
    Ok(())
}
