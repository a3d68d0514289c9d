//! What the seven programs share: connections, a table and keys of their own, and the lines of a story.
//!
//! `product(id, price)` holds the products 1 to 100, each at price 1. It is in a schema with a random name, and all keys in Redis
//! begin with that name. Both are dropped at the end.

#![expect(clippy::print_stdout, reason = "the programs tell what happens")]

use std::{
    env,
    fmt::Display,
    future::{self, Ready},
    ops::RangeInclusive,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use redis::{AsyncTypedCommands, aio::MultiplexedConnection};
use sqlx::{
    AssertSqlSafe, PgExecutor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// The products.
pub const PRODUCTS: RangeInclusive<i64> = 1..=100;

/// The product of most stories.
pub const PRODUCT: i64 = 7;

/// What a reader sees, compared with the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The row's price.
    Current,
    /// A price from before the last write.
    Stale,
}

/// The servers, and what is counted and told.
#[derive(Debug)]
pub struct Shop {
    /// Postgres. Each connection finds `product` without a schema's name.
    pub postgres: PgPool,
    redis: MultiplexedConnection,
    name: String,
    loads: AtomicUsize,
    round_trips: AtomicUsize,
    story: Mutex<Vec<String>>,
}

/// Plays one story in a new shop, and drops the shop.
pub async fn in_a_shop<T>(story: impl AsyncFnOnce(&Shop) -> Result<T>) -> Result<T> {
    let shop = Shop::open().await?;
    let outcome = story(&shop).await;
    shop.close().await?;
    println!();
    outcome
}

/// A pause at which nothing happens.
pub fn go_on() -> Ready<Result<()>> {
    future::ready(Ok(()))
}

/// Sets a price in Postgres.
pub async fn set_price(postgres: impl PgExecutor<'_>, id: i64, price: i64) -> Result<()> {
    let update = sqlx::query("UPDATE product SET price = $2 WHERE id = $1").bind(id).bind(price);
    update.execute(postgres).await?;
    Ok(())
}

/// A random token behind the word for its kind.
#[must_use]
pub fn token(kind: &str) -> String {
    format!("{kind} {:032x}", rand::random::<u128>())
}

/// A price as an entry has it, and the seconds that the entry may live.
#[must_use]
pub fn to_store(price: Option<i64>) -> (String, u64) {
    match price {
        Some(price) => (price.to_string(), rand::random_range(540..=600)),
        None => ("none".to_owned(), 5),
    }
}

impl Shop {
    async fn open() -> Result<Self> {
        let variable = |name: &str| env::var(name).with_context(|| format!("{name} is not set: see docs/LEARN.md"));
        let redis = redis::Client::open(variable("REDIS_URL")?)?.get_multiplexed_async_connection().await?;
        let name = format!("aside_step_{:016x}", rand::random::<u64>());
        let options: PgConnectOptions = variable("DATABASE_URL")?.parse()?;
        let options = options.options([("search_path", &name)]);
        let postgres = PgPoolOptions::new().max_connections(8).connect_with(options).await?;
        let shop = Self { postgres, redis, name, loads: 0.into(), round_trips: 0.into(), story: Mutex::default() };
        shop.run(format!(
            "CREATE SCHEMA {};
             CREATE TABLE product (id bigint PRIMARY KEY, price bigint NOT NULL);
             INSERT INTO product SELECT id, 1 FROM generate_series(1, 100) AS id;",
            shop.name
        ))
        .await?;
        Ok(shop)
    }

    async fn close(self) -> Result<()> {
        self.run(format!("DROP SCHEMA {} CASCADE", self.name)).await?;
        let mut keys = Vec::new();
        let mut connection = self.redis();
        let mut found = connection.scan_match::<_, String>(self.key("*")).await?;
        while let Some(key) = found.next_item().await {
            keys.push(key?);
        }
        drop(found);
        if !keys.is_empty() {
            connection.del(keys).await?;
        }
        Ok(())
    }

    /// Runs statements of the program's own, such as the making of a table.
    pub async fn run(&self, statements: impl Into<String>) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(statements.into())).execute(&self.postgres).await?;
        Ok(())
    }

    /// Redis. Each call is one round trip, and is counted.
    pub fn redis(&self) -> MultiplexedConnection {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        self.redis.clone()
    }

    /// The key of a product's entry, or of something else.
    pub fn key(&self, id: impl Display) -> String {
        format!("{}:{id}", self.name)
    }

    /// Reads a product's row, and counts that.
    pub async fn load(&self, id: i64) -> Result<Option<i64>> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.row(id).await
    }

    /// Runs a Lua script on one or more keys.
    pub async fn eval(&self, script: &str, keys: &[String], arguments: &[&str]) -> Result<i64> {
        let script = redis::Script::new(script);
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(key);
        }
        for argument in arguments {
            call.arg(argument);
        }
        Ok(call.invoke_async::<Option<i64>>(&mut self.redis()).await?.unwrap_or_default())
    }

    /// The price in a product's row.
    pub async fn row(&self, id: i64) -> Result<Option<i64>> {
        let query = sqlx::query_scalar("SELECT price FROM product WHERE id = $1").bind(id);
        Ok(query.fetch_optional(&self.postgres).await?)
    }

    /// Loads so far.
    pub fn loads(&self) -> usize {
        self.loads.load(Ordering::Relaxed)
    }

    /// Round trips to Redis so far.
    pub fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// The time from the first to the last expiry of the products' entries.
    pub async fn expiry_spread(&self) -> Result<Duration> {
        let mut pipeline = redis::pipe();
        for id in PRODUCTS {
            pipeline.cmd("PEXPIRETIME").arg(self.key(id));
        }
        let ends: Vec<u64> = pipeline.query_async(&mut self.redis()).await?;
        let first = ends.iter().min().context("there are products")?;
        let last = ends.iter().max().context("there are products")?;
        Ok(Duration::from_millis(last - first))
    }

    /// One line of the story.
    pub fn say(&self, who: &str, what: impl Display) {
        let line = format!("{who:<8} {what}");
        println!("{line}");
        self.story.lock().expect("no teller panics").push(line);
    }

    /// The lines so far.
    pub fn story(&self) -> Vec<String> {
        self.story.lock().expect("no teller panics").clone()
    }

    /// Compares what a reader of [`PRODUCT`] has just seen with the row, and says how it is.
    pub async fn judge(&self, seen: Option<i64>) -> Result<Verdict> {
        let mut redis = self.redis();
        let key = self.key(PRODUCT);
        let entry: Option<String> = redis.get(&key).await?;
        // Of a token the first digits are enough.
        let entry = entry.map(|entry| entry.chars().take(12).collect::<String>());
        let life: i64 = redis::cmd("TTL").arg(&key).query_async(&mut redis).await?;
        self.say("entry", entry.map_or("absent".to_owned(), |entry| format!("`{entry}` for another {life} s")));

        let row = self.row(PRODUCT).await?;
        let (seen_price, row_price) = (price(seen), price(row));
        let verdict = if seen == row { Verdict::Current } else { Verdict::Stale };
        match verdict {
            Verdict::Current => self.say("right", format!("a new reader sees {seen_price}, as in Postgres")),
            Verdict::Stale => self.say("FAULT", format!("a new reader sees {seen_price}; Postgres has {row_price}")),
        }
        Ok(verdict)
    }
}

fn price(price: Option<i64>) -> String {
    price.map_or("no product".to_owned(), |price| format!("price {price}"))
}
