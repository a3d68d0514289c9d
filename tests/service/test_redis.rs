//! The Redis of the environment, with a key prefix for each test, so that tests run side by side on a shared server.

use std::{sync::Arc, time::Duration};

use aside::telemetry::metrics::Metrics;
use aside_redis::{Handle, Options, Pipeline, RedisClient, Value, cmd};
use aside_runtime::shutdown::Shutdown;
use url::Url;

/// One application's way to Redis.
pub(crate) struct TestRedis {
    /// The client.
    pub(crate) client: RedisClient,
    /// What the client counts into.
    pub(crate) metrics: Arc<Metrics>,
    /// Drained when this is dropped.
    pub(crate) shutdown: Shutdown,
}

impl TestRedis {
    /// Connects by `config` and waits until a connection is up. The entries are no database's.
    pub(crate) async fn connect(config: Options) -> Self {
        Self::connect_as("of a test", config).await
    }

    /// As [`connect`](Self::connect); the entries are those of this database.
    pub(crate) async fn connect_as(database: &str, config: Options) -> Self {
        let (metrics, shutdown) = (Arc::new(Metrics::new()), Shutdown::new());
        let client = RedisClient::start(&config, metrics.redis.clone(), &shutdown).expect("REDIS_URL is a Redis URL");
        client.set_database(database);
        assert!(client.wait_until_up(Duration::from_secs(10)).await, "the Redis of REDIS_URL does not answer");
        Self { client, metrics, shutdown }
    }

    /// A connection that is up.
    pub(crate) fn handle(&self) -> Handle {
        self.client.handle().expect("a connection is up")
    }

    /// Sends a pipeline; a refused command is a [`Value::ServerError`] in its place.
    pub(crate) async fn query(&self, pipeline: &Pipeline) -> Vec<Value> {
        self.handle().query(pipeline).await.expect("Redis answers")
    }

    /// The server's clock, in microseconds since the Unix epoch.
    pub(crate) async fn time_us(&self) -> u64 {
        let mut pipeline = Pipeline::new();
        pipeline.add_command(cmd("TIME"));
        let reply = self.query(&pipeline).await.remove(0);
        let (seconds, micros): (u64, u64) = redis::from_redis_value(reply).expect("TIME gives two numbers");
        seconds * 1_000_000 + micros
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.shutdown.drain();
    }
}

/// Where the Redis of the environment is.
pub(crate) fn url() -> Url {
    let url =
        std::env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `make test`, or name a Redis");
    url.parse().expect("REDIS_URL is a URL")
}

/// The Redis at `url`, with a prefix that nothing else uses.
pub(crate) fn config(url: &Url) -> Options {
    Options {
        url: url.as_str().parse().expect("a Redis URL"),
        key_prefix: format!("aside_test_{:016x}:", rand::random::<u64>()),
        connections: 1,
        connect_timeout: Duration::from_secs(5),
        command_timeout: Duration::from_secs(5),
    }
}
