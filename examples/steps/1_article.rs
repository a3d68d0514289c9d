//! Step 1, the article: look in Redis; on a miss read Postgres; store with a TTL. A writer deletes the key.
//!
//! Read and write one at a time, it is right. Its first two faults need no race: entries that were filled together expire
//! together, and a product that does not exist is asked for in Postgres each time.

use std::time::{Duration, Instant};

use anyhow::Result;
use redis::AsyncTypedCommands;
use shop::{PRODUCT, PRODUCTS, Shop, Verdict, in_a_shop, set_price};

const TTL: u64 = 600;

pub(crate) async fn read(shop: &Shop, id: i64) -> Result<Option<i64>> {
    if let Some(price) = shop.redis().get(shop.key(id)).await? {
        return Ok(Some(price.parse()?));
    }
    let price = shop.load(id).await?;
    if let Some(price) = price {
        shop.redis().set_ex(shop.key(id), price, TTL).await?;
    }
    Ok(price)
}

pub(crate) async fn write(shop: &Shop, id: i64, price: i64) -> Result<()> {
    set_price(&shop.postgres, id, price).await?;
    shop.redis().del(shop.key(id)).await?;
    Ok(())
}

pub(crate) async fn one_at_a_time(shop: &Shop) -> Result<Verdict> {
    read(shop, PRODUCT).await?;
    read(shop, PRODUCT).await?;
    shop.say("reader", format!("reads twice: {} load", shop.loads()));
    write(shop, PRODUCT, 2).await?;
    shop.say("writer", "sets price 2");
    let seen = read(shop, PRODUCT).await?;
    shop.judge(seen).await
}

/// Gives how long the filling took, and within what time the entries expire.
pub(crate) async fn filled_together(shop: &Shop) -> Result<(Duration, Duration)> {
    let begun = Instant::now();
    for id in PRODUCTS {
        read(shop, id).await?;
    }
    let (filled, expire) = (begun.elapsed(), shop.expiry_spread().await?);
    shop.say(
        "FAULT",
        format!("100 entries, filled within {} ms, expire within {} ms", filled.as_millis(), expire.as_millis()),
    );
    Ok((filled, expire))
}

/// Gives how often Postgres was asked.
pub(crate) async fn absent_product(shop: &Shop) -> Result<usize> {
    for _ in 0..10 {
        read(shop, 404).await?;
    }
    shop.say("FAULT", format!("10 reads of a product that does not exist: {} loads", shop.loads()));
    Ok(shop.loads())
}

#[tokio::main]
async fn main() -> Result<()> {
    in_a_shop(one_at_a_time).await?;
    in_a_shop(filled_together).await?;
    in_a_shop(absent_product).await?;
    Ok(())
}
