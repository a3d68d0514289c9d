//! One replica within the test's process, built as `aside serve` builds it.

use std::{collections::HashMap, net::SocketAddr};

use aside::{
    app::{Application, StartError},
    config::Config,
};
use aside_runtime::{clock::Clock, shutdown::Shutdown};
use tokio::task::JoinHandle;

use crate::{api::Api, test_database::TestDatabase, test_redis};

/// What replicas of one test share: a database, and a key prefix in Redis.
pub(crate) struct Backend {
    /// The database.
    pub(crate) database: TestDatabase,
    variables: HashMap<String, String>,
}

impl Backend {
    /// A migrated database and a prefix that nothing else uses; limits off.
    pub(crate) async fn create() -> Self {
        let database = TestDatabase::create().await;
        let fixed = [
            ("DATABASE_URL", database.url.as_str()),
            ("REDIS_URL", test_redis::url().as_str()),
            ("REDIS_KEY_PREFIX", &*format!("aside_test_{:016x}:", rand::random::<u64>())),
            ("LISTEN_ADDR", "127.0.0.1:0"),
            ("ADMIN_ADDR", "127.0.0.1:0"),
            ("RATE_LIMIT_ANONYMOUS", "off"),
            ("RATE_LIMIT_SIGNED_IN", "off"),
            ("RATE_LIMIT_LOGIN", "off"),
            // Tests that move the clock count on it.
            ("CACHE_TTL", "10m"),
            // Many applications share the server of the tests, and the machine is busy.
            ("DATABASE_MAX_CONNECTIONS", "8"),
            ("DATABASE_ACQUIRE_TIMEOUT", "20s"),
            ("DATABASE_LOCK_TIMEOUT", "1m"),
            ("DATABASE_QUEUE_WAIT", "20s"),
            ("DATABASE_PROBE_TIMEOUT", "20s"),
            ("REDIS_COMMAND_TIMEOUT", "5s"),
            ("REDIS_CONNECT_TIMEOUT", "5s"),
            ("HTTP_REQUEST_TIMEOUT", "60s"),
            // Few tests have a proxy that would have to notice.
            ("HTTP_DRAIN_DELAY", "0s"),
            ("PASSWORD_HASH_WAIT", "60s"),
            ("RUST_LOG", "warn"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { database, variables: fixed.into() }
    }

    /// The same backend, with the time-outs and the pool of production for all replicas started from here on.
    pub(crate) fn with_default_timeouts(mut self) -> Self {
        let is_changed = |name: &str| name.starts_with("DATABASE_") || name.starts_with("REDIS_");
        let is_address = |name: &str| name.ends_with("_URL") || name.ends_with("_PREFIX");
        self.variables.retain(|name, _| !is_changed(name) || is_address(name));
        self.variables.remove("HTTP_REQUEST_TIMEOUT");
        self
    }

    /// The same backend, with this variable set for all replicas started from here on.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// The variables of a replica, these among them.
    pub(crate) fn variables(&self, further: &[(&str, &str)]) -> HashMap<String, String> {
        let mut variables = self.variables.clone();
        variables.extend(further.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        variables
    }

    /// The settings of a replica, these variables among them.
    pub(crate) fn config(&self, further: &[(&str, &str)]) -> Config {
        Config::from_variables(self.variables(further)).expect("the variables of tests are good")
    }

    /// Starts a replica in this process.
    pub(crate) async fn start(&self) -> TestApplication {
        self.start_with(&[]).await
    }

    /// Starts a replica in this process, with these variables too.
    pub(crate) async fn start_with(&self, further: &[(&str, &str)]) -> TestApplication {
        TestApplication::start(self.config(further)).await
    }
}

/// A replica that serves. Ends, at once, when it is dropped.
pub(crate) struct TestApplication {
    /// Where it answers.
    pub(crate) public: SocketAddr,
    /// Where it answers operators.
    pub(crate) admin: SocketAddr,
    /// Moves its time.
    pub(crate) clock: Clock,
    /// Stops it.
    pub(crate) shutdown: Shutdown,
    /// Ends when it has stopped.
    pub(crate) serving: JoinHandle<Result<(), StartError>>,
}

impl TestApplication {
    /// Migrates and serves.
    pub(crate) async fn start(config: Config) -> Self {
        let (application, clock) = build(config);
        application.migrate().await.expect("the migrations run");
        Self::serve(application, clock, true)
    }

    /// Serves from a database that is migrated.
    pub(crate) fn start_migrated(config: Config) -> Self {
        let (application, clock) = build(config);
        Self::serve(application, clock, false)
    }

    fn serve(application: Application, clock: Clock, migrate: bool) -> Self {
        let (public, admin) = (application.public_address(), application.admin_address());
        let shutdown = application.shutdown();
        let serving = tokio::spawn(application.serve(migrate));
        Self { public, admin, clock, shutdown, serving }
    }

    /// A client without credentials.
    pub(crate) fn api(&self) -> Api {
        Api::new(self.public)
    }

    /// The sum of all samples of a metric whose labels have all of these in them.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        metric(self.admin, name, labels).await
    }
}

fn build(config: Config) -> (Application, Clock) {
    let clock = Clock::movable();
    (Application::build_with_clock(config, &clock).expect("the application starts"), clock)
}

impl Drop for TestApplication {
    fn drop(&mut self) {
        self.serving.abort();
        self.shutdown.drain();
    }
}

/// As [`TestApplication::metric`], of any replica.
pub(crate) async fn metric(admin: SocketAddr, name: &str, labels: &[&str]) -> f64 {
    let text = reqwest::get(format!("http://{admin}/metrics")).await.expect("metrics").text().await.expect("a text");
    text.lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
        .filter(|line| labels.iter().all(|label| line.contains(label)))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// What a replica says that it has to do without.
pub(crate) async fn missing(replica: &TestApplication) -> Vec<String> {
    let health = Api::new(replica.admin).get_json("/readyz").await;
    serde_json::from_value(health["missing"].clone()).expect("names")
}
