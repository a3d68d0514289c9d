//! Two processes of the shop: what one writes, and what plain SQL writes, the other shows.

use std::{
    collections::HashSet,
    env,
    process::{Child, Command, Stdio},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use tokio::{net::TcpStream, time};

/// How long a test waits for what is going to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections of sqlx's pool, unless it is told otherwise.
const POOL: usize = 10;

/// A process of the shop, killed when it is dropped.
struct Shop {
    process: Child,
    address: String,
}

impl Shop {
    async fn start(database: &str, key_prefix: &str, requests_a_minute: u32) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let process = Command::new(env!("CARGO_BIN_EXE_aside-shop"))
            .env("DATABASE_URL", database)
            .env("REDIS_KEY_PREFIX", key_prefix)
            .env("REQUESTS_A_MINUTE", requests_a_minute.to_string())
            .env("LISTEN_ADDR", free.to_string())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the shop starts");
        let shop = Self { process, address: free.to_string() };
        let is_up = async {
            while TcpStream::connect(&shop.address).await.is_err() {
                time::sleep(Duration::from_millis(20)).await;
            }
        };
        time::timeout(PATIENCE, is_up).await.expect("the shop listens");
        shop
    }

    /// The product's JSON.
    async fn show(&self, id: i64) -> String {
        let answer = reqwest::get(format!("http://{}/products/{id}", self.address)).await.expect("an answer");
        answer.text().await.expect("a text")
    }

    async fn set_price(&self, id: i64, cents: i64) {
        let url = format!("http://{}/products/{id}/price/{cents}", self.address);
        let answer = reqwest::Client::new().put(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 204);
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _was_running = self.process.kill();
        let _status = self.process.wait();
    }
}

/// Whether Redis has an entry of this name.
async fn is_in_redis(prefix: &str, entry: &str) -> bool {
    let url = env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `make test`");
    let client = redis::Client::open(url).expect("a Redis URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("redis answers");
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{prefix}*:{entry}")).query_async(&mut connection).await.expect("keys");
    !keys.is_empty()
}

fn product(cents: i64) -> String {
    format!("{{\"id\" : 7, \"name\" : \"tea\", \"cents\" : {cents}}}")
}

/// A database of the test's own, and a prefix for its keys: a prefix belongs to one database.
struct Scratch {
    server: PgConnection,
    name: String,
    url: url::Url,
    prefix: String,
}

impl Scratch {
    async fn create() -> Self {
        let server = env::var("DATABASE_URL").expect("DATABASE_URL is not set: run the tests with `make test`");
        let name = format!("aside_test_shop_{:016x}", rand::random::<u64>());
        let mut url: url::Url = server.parse().expect("a URL");
        url.set_path(&name);
        let mut server = PgConnection::connect(&server).await.expect("postgres answers");
        server.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
        let prefix = format!("{name}:");
        Self { server, name, url, prefix }
    }

    async fn drop_database(mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        self.server.execute(AssertSqlSafe(drop)).await.expect("it is dropped");
    }
}

#[tokio::test]
async fn a_client_over_its_quota_is_refused_whichever_process_it_asks() {
    let scratch = Scratch::create().await;
    let (url, prefix) = (scratch.url.as_str(), &scratch.prefix);
    let shops = [Shop::start(url, prefix, 6).await, Shop::start(url, prefix, 6).await];

    let mut answers = Vec::new();
    for request in 0..8 {
        let url = format!("http://{}/products/7", shops[request % 2].address);
        answers.push(reqwest::get(url).await.expect("an answer"));
    }

    let refused: Vec<_> = answers.iter().filter(|answer| answer.status() == 429).collect();
    assert_eq!(refused.len(), 2, "six of eight are within the quota");
    assert!(refused.iter().all(|answer| answer.headers().contains_key("retry-after")));
    assert!(answers.iter().all(|answer| answer.headers()["ratelimit-policy"] == "\"browsing\";q=6;w=60"));
    drop(shops);
    scratch.drop_database().await;
}

#[tokio::test]
async fn a_process_without_work_keeps_its_connections() {
    let scratch = Scratch::create().await;
    let shop = Shop::start(scratch.url.as_str(), &scratch.prefix, 600).await;
    let mut outside = PgConnection::connect(scratch.url.as_str()).await.expect("postgres answers");
    let relays = "SELECT pid, query_start::text FROM pg_stat_activity
                  WHERE datname = current_database() AND (query LIKE '%invalidation_outbox%' OR query = 'ROLLBACK')
                    AND pid <> pg_backend_pid()";

    // Rounds of the relay that found nothing.
    let mut rounds: HashSet<(i32, String)> = HashSet::new();
    let many_rounds = async {
        while rounds.len() < 60 {
            let seen: Vec<(i32, String)> = sqlx::query_as(relays).fetch_all(&mut outside).await.expect("an answer");
            rounds.extend(seen);
        }
    };
    time::timeout(PATIENCE, many_rounds).await.expect("the relay works");
    let sessions: HashSet<i32> = rounds.iter().map(|(session, _)| *session).collect();

    assert!(sessions.len() <= POOL, "{} sessions for {} statements", sessions.len(), rounds.len());
    drop(shop);
    outside.close().await.expect("it closes");
    scratch.drop_database().await;
}

#[tokio::test]
async fn what_one_process_or_plain_sql_writes_the_other_shows() {
    let scratch = Scratch::create().await;
    let (url, prefix) = (scratch.url.clone(), scratch.prefix.clone());
    let (one, other) =
        (Shop::start(url.as_str(), &prefix, 100_000).await, Shop::start(url.as_str(), &prefix, 100_000).await);
    let pool = PgPool::connect(url.as_str()).await.expect("postgres answers");
    pool.execute("INSERT INTO products VALUES (7, 'tea', 100)").await.expect("a row");
    let is_cached = async {
        while !is_in_redis(&prefix, "product:7").await {
            other.show(7).await;
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    time::timeout(PATIENCE, is_cached).await.expect("redis is trusted, and products are cached");

    for cents in 101..150 {
        one.set_price(7, cents).await;
        assert_eq!(other.show(7).await, product(cents), "exact, as soon as the write was answered");
    }
    pool.execute("UPDATE products SET cents = 900 WHERE id = 7").await.expect("an update");
    let shown = async {
        while other.show(7).await != product(900) {
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    time::timeout(PATIENCE, shown).await.expect("a trigger tells of what plain SQL writes");
    assert_eq!(one.show(8).await, "", "there is no such product");

    drop((one, other));
    pool.close().await;
    scratch.drop_database().await;
}
