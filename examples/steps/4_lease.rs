//! Step 4, leases (Nishtala et al., "Scaling Memcache at Facebook", 2013): a reader that misses leaves a random token in the
//! entry, and its value is stored only if that token is still there. A writer's deletion takes the token away.
//!
//! A lease is a single flight over all processes, so the flights of step 3 are left out. The fault that is left: between COMMIT
//! and the deletion readers see the old value, and if the writer dies there, they see it until the TTL ends.

use std::time::Duration;

use anyhow::{Result, bail};
use redis::AsyncTypedCommands;
use shop::{PRODUCT, Shop, Verdict, go_on, in_a_shop, set_price, to_store, token};

/// Stores a value if the lease still stands.
const FILL: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end";

pub(crate) async fn read(shop: &Shop, id: i64, loaded: impl AsyncFnOnce() -> Result<()>) -> Result<Option<i64>> {
    let lease = token("lease");
    loop {
        // One command that looks, and leaves the lease where nothing is.
        let mut lookup = redis::cmd("SET");
        lookup.arg(shop.key(id)).arg(&lease).arg("NX").arg("GET").arg("EX").arg(10);
        let entry: Option<String> = lookup.query_async(&mut shop.redis()).await?;
        let Some(entry) = entry else { break };
        if let Some(value) = entry.strip_prefix("value ") {
            return Ok(value.parse().ok());
        }
        // Another reader has the lease: look again, until it has stored the value, or its lease has expired.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let price = shop.load(id).await?;
    loaded().await?;
    let (value, ttl) = to_store(price);
    shop.eval(FILL, &[shop.key(id)], &[&lease, &format!("value {value}"), &ttl.to_string()]).await?;
    Ok(price)
}

pub(crate) async fn write(shop: &Shop, id: i64, price: i64, committed: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    set_price(&shop.postgres, id, price).await?;
    committed().await?;
    shop.redis().del(shop.key(id)).await?;
    Ok(())
}

pub(crate) async fn late_fill(shop: &Shop) -> Result<Verdict> {
    let loaded = async || {
        shop.say("reader", "takes the lease, and reads price 1 from Postgres");
        write(shop, PRODUCT, 2, go_on).await?;
        shop.say("writer", "commits price 2, deletes the entry with its lease, and answers");
        Ok(())
    };
    read(shop, PRODUCT, loaded).await?;
    shop.say("reader", "fills, which is refused: its lease is gone");
    let seen = read(shop, PRODUCT, go_on).await?;
    shop.judge(seen).await
}

pub(crate) async fn writer_dies(shop: &Shop) -> Result<Verdict> {
    read(shop, PRODUCT, go_on).await?;
    shop.say("reader", "misses, loads price 1, and fills");
    let committed = async || {
        shop.say("writer", "commits price 2, and dies");
        bail!("killed")
    };
    let _killed = write(shop, PRODUCT, 2, committed).await;
    let seen = read(shop, PRODUCT, go_on).await?;
    shop.judge(seen).await
}

#[tokio::main]
async fn main() -> Result<()> {
    in_a_shop(late_fill).await?;
    in_a_shop(writer_dies).await?;
    Ok(())
}
