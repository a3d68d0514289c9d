//! Step 6, the outbox: a trigger writes the ids of changed rows into a table, in the transaction that changes them. A relay
//! takes these rows and deletes the entries, however the write was made.
//!
//! Until the relay's next round readers may see the old value. The fault that is left is of another kind: each read costs a round
//! trip to Redis, and the obvious cure, a copy in the process, is not exact.

/// Step 5, whose `read` and `write` are used as they are.
#[path = "5_fence.rs"]
#[allow(dead_code, reason = "its stories are not")]
mod fence;

use std::collections::HashMap;

use anyhow::Result;
use fence::{read, write};
use futures::future::try_join_all;
use shop::{PRODUCT, Shop, Verdict, go_on, in_a_shop};

pub(crate) const OUTBOX: &str = "
    CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, product bigint NOT NULL);
    CREATE FUNCTION note_product() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO outbox (product) SELECT id FROM changed; RETURN NULL; END $$;
    CREATE TRIGGER product_updated AFTER UPDATE ON product REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION note_product();";

/// Deletes a value, and a lease: its load may have begun before the commit. A fence stays.
const INVALIDATE: &str = "if redis.call('GETRANGE', KEYS[1], 0, 4) ~= 'fence' then redis.call('DEL', KEYS[1]) end";

/// One round. It runs in a loop, in each process; rows that one relay has in hand are skipped by the others.
pub(crate) async fn relay(shop: &Shop) -> Result<()> {
    let mut transaction = shop.postgres.begin().await?;
    let rows = sqlx::query_as("SELECT id, product FROM outbox ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED");
    let rows: Vec<(i64, i64)> = rows.fetch_all(&mut *transaction).await?;
    for (_, product) in &rows {
        shop.eval(INVALIDATE, &[shop.key(product)], &[]).await?;
    }
    // Not before Redis has answered: a relay that dies here leaves the rows to the next.
    let ids: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
    sqlx::query("DELETE FROM outbox WHERE id = ANY($1)").bind(ids).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

pub(crate) async fn plain_sql(shop: &Shop) -> Result<Verdict> {
    shop.run(OUTBOX).await?;
    read(shop, PRODUCT).await?;
    shop.say("reader", "misses, loads price 1, and fills");
    shop.run("UPDATE product SET price = 2 WHERE id = 7").await?;
    shop.say("psql", "sets price 2");
    relay(shop).await?;
    shop.say("relay", "deletes the entry that the outbox names");
    let (seen, _) = read(shop, PRODUCT).await?;
    shop.judge(seen).await
}

/// Gives the number of round trips to Redis.
pub(crate) async fn hundred_reads(shop: &Shop) -> Result<usize> {
    read(shop, PRODUCT).await?;
    let before = shop.round_trips();
    try_join_all((0..100).map(|_| read(shop, PRODUCT))).await?;
    let round_trips = shop.round_trips() - before;
    shop.say("FAULT", format!("100 reads at once: {round_trips} round trips to Redis"));
    Ok(round_trips)
}

/// Process A keeps what it has read; process B writes.
pub(crate) async fn copy_in_the_process(shop: &Shop) -> Result<Verdict> {
    let (price, _) = read(shop, PRODUCT).await?;
    let copies = HashMap::from([(PRODUCT, price)]);
    shop.say("A", "reads price 1, and keeps a copy");
    write(shop, PRODUCT, 2, go_on, go_on).await?;
    shop.say("B", "writes price 2: fence, COMMIT, release, answer");
    shop.judge(copies[&PRODUCT]).await
}

#[tokio::main]
async fn main() -> Result<()> {
    in_a_shop(plain_sql).await?;
    in_a_shop(hundred_reads).await?;
    in_a_shop(copy_in_the_process).await?;
    Ok(())
}
