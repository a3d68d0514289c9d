//! What the checker runs against, all of it its own: replicas, a Redis, a database, and a proxy on each way between them.
//!
//! ```text
//!   clients ──▶ replica 0 ──▶ proxy ──┬──▶ Redis (own process, killed and stopped)
//!           └─▶ replica 1 ──▶ proxy ──┘
//!                  └────────▶ proxy ─────▶ Postgres (own database on a server that others may use)
//! ```
//!
//! Everything that was started is ended when the [`Environment`] is dropped; the database is dropped by
//! [`Environment::close`].

mod database;
mod replica;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use aside_test_bed::Process;
use tempfile::TempDir;
use tokio::sync::Mutex;
use url::Url;

pub use aside_test_bed::{Proxy, RedisServer, Way};
pub use database::RunDatabase;
pub use replica::replica;

/// How to set things up.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The binary `aside`.
    pub program: std::path::PathBuf,
    /// The server that gets a database for this run.
    pub database: Url,
    /// `CACHE_MODE` of each replica.
    pub modes: Vec<String>,
    /// Further variables of all replicas.
    pub variables: Vec<(String, String)>,
}

/// See the module.
pub struct Environment {
    /// One for each mode of the plan.
    pub replicas: Vec<Arc<Mutex<Process>>>,
    /// Where they listen, in the same order.
    pub addresses: Vec<String>,
    /// In front of Redis, one for each replica.
    pub ways_to_redis: Vec<Arc<Proxy>>,
    /// In front of Postgres, one for each replica.
    pub ways_to_postgres: Vec<Arc<Proxy>>,
    /// The Redis of the run.
    pub redis: Arc<Mutex<RedisServer>>,
    /// The database of the run.
    pub database: RunDatabase,
    folder: TempDir,
}

impl Environment {
    /// Starts everything, and waits until it is ready.
    pub async fn start(plan: &Plan) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("aside-checker-").tempdir().context("cannot make a folder")?;
        let redis = RedisServer::start(folder.path().join("redis")).await?;
        let database = RunDatabase::create(&plan.database).await?;
        let mut environment = Self {
            replicas: Vec::new(),
            addresses: Vec::new(),
            ways_to_redis: Vec::new(),
            ways_to_postgres: Vec::new(),
            redis: Arc::new(Mutex::new(redis)),
            database,
            folder,
        };
        if let Err(error) = environment.start_replicas(plan).await {
            environment.close().await?;
            return Err(error);
        }
        Ok(environment)
    }

    async fn start_replicas(&mut self, plan: &Plan) -> Result<()> {
        let redis = self.redis.lock().await.url().clone();
        for (number, mode) in plan.modes.iter().enumerate() {
            let to_redis = Proxy::start(&redis).await?;
            let to_postgres = Proxy::start(self.database.url()).await?;
            let mut variables = vec![
                ("DATABASE_URL".to_owned(), to_postgres.url().to_string()),
                ("REDIS_URL".to_owned(), to_redis.url().to_string()),
                ("CACHE_MODE".to_owned(), mode.clone()),
            ];
            variables.extend(plan.variables.iter().cloned());
            let log = self.folder.path().join(format!("replica-{number}.log"));
            let mut replica = replica(&plan.program, variables, log)?;
            replica.start().await?;
            self.addresses.push(replica.address().to_owned());
            self.replicas.push(Arc::new(Mutex::new(replica)));
            self.ways_to_redis.push(Arc::new(to_redis));
            self.ways_to_postgres.push(Arc::new(to_postgres));
        }
        Ok(())
    }

    /// Where the logs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the logs where they are when all else is gone.
    pub fn keep_folder(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// Waits until every replica says that it is ready and misses nothing; false if one does not within `patience`.
    pub async fn is_well_within(&self, patience: Duration) -> bool {
        let well = async {
            for replica in &self.replicas {
                let probe = replica.lock().await.probe();
                probe.until_well().await;
            }
        };
        tokio::time::timeout(patience, well).await.is_ok()
    }

    /// Ends everything and drops the database.
    pub async fn close(self) -> Result<()> {
        for replica in &self.replicas {
            replica.lock().await.kill().await?;
        }
        self.database.drop_database().await
    }
}
