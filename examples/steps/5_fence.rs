//! Step 5, the write fence: a writer puts its mark into the entry before COMMIT, and releases it after the reply to COMMIT.
//!
//! Under a fence readers read Postgres and store nothing. A writer that dies leaves its fence, which expires by itself; it has to
//! outlive any transaction. The fault that is left: what no fence has announced, such as another program's plain SQL.

use std::time::Duration;

use anyhow::{Result, bail};
use redis::AsyncTypedCommands;
use shop::{PRODUCT, Shop, Verdict, go_on, in_a_shop, set_price, to_store, token};

const FILL: &str = "
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
    return 1";

/// Deletes the own fence, and what came in its place if it was evicted. Another writer's fence stays.
pub(crate) const RELEASE: &str = "
    local held = redis.call('GET', KEYS[1])
    if held and (held == ARGV[1] or string.sub(held, 1, 5) ~= 'fence') then redis.call('DEL', KEYS[1]) end";

/// Gives the price, and whether Redis holds it.
pub(crate) async fn read(shop: &Shop, id: i64) -> Result<(Option<i64>, bool)> {
    let lease = token("lease");
    loop {
        let mut lookup = redis::cmd("SET");
        lookup.arg(shop.key(id)).arg(&lease).arg("NX").arg("GET").arg("EX").arg(10);
        let entry: Option<String> = lookup.query_async(&mut shop.redis()).await?;
        let Some(entry) = entry else { break };
        match entry.split_once(' ') {
            Some(("value", value)) => return Ok((value.parse().ok(), true)),
            Some(("fence", _)) => return Ok((shop.load(id).await?, false)),
            _lease => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    let price = shop.load(id).await?;
    let (value, ttl) = to_store(price);
    let value = format!("value {value}");
    let is_stored = shop.eval(FILL, &[shop.key(id)], &[&lease, &value, &ttl.to_string()]).await? == 1;
    Ok((price, is_stored))
}

pub(crate) async fn write(
    shop: &Shop,
    id: i64,
    price: i64,
    fenced: impl AsyncFnOnce() -> Result<()>,
    committed: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    let fence = token("fence");
    let mut transaction = shop.postgres.begin().await?;
    set_price(&mut *transaction, id, price).await?; // holds the row's lock from here on
    shop.redis().set_ex(shop.key(id), &fence, 15).await?;
    fenced().await?;
    transaction.commit().await?;
    committed().await?;
    shop.eval(RELEASE, &[shop.key(id)], &[&fence]).await?;
    Ok(())
}

pub(crate) async fn writer_dies(shop: &Shop) -> Result<Verdict> {
    read(shop, PRODUCT).await?;
    shop.say("reader", "misses, loads price 1, and fills");
    let committed = async || {
        shop.say("writer", "fences the entry, commits price 2, and dies");
        bail!("killed")
    };
    let _killed = write(shop, PRODUCT, 2, go_on, committed).await;
    let (seen, _) = read(shop, PRODUCT).await?;
    shop.judge(seen).await
}

pub(crate) async fn plain_sql(shop: &Shop) -> Result<Verdict> {
    read(shop, PRODUCT).await?;
    shop.say("reader", "misses, loads price 1, and fills");
    shop.run("UPDATE product SET price = 2 WHERE id = 7").await?;
    shop.say("psql", "sets price 2");
    let (seen, _) = read(shop, PRODUCT).await?;
    shop.judge(seen).await
}

#[tokio::main]
async fn main() -> Result<()> {
    in_a_shop(writer_dies).await?;
    in_a_shop(plain_sql).await?;
    Ok(())
}
