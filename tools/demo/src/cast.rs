//! Who takes part: a database with some people in it, a Redis, and the servers that each part starts.

use std::path::PathBuf;

use anyhow::{Context, Result};
use aside_test_bed::{Process, RedisServer, ScratchDatabase, raise_descriptors, run_aside};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{Arguments, talk::Talk};

/// People in the database, and how many of them are signed in.
const USERS: u32 = 10_000;
const SIGNED_IN: u32 = 1_000;

/// Everything that the parts need.
pub(crate) struct Cast {
    aside: PathBuf,
    naive: PathBuf,
    /// The database of the run.
    pub(crate) database: ScratchDatabase,
    /// The Redis of the run.
    pub(crate) redis: Mutex<RedisServer>,
    /// Of people who are signed in.
    pub(crate) tokens: Vec<String>,
    /// How many sockets a process may have.
    pub(crate) descriptors: u64,
    folder: TempDir,
}

impl Cast {
    /// Starts the Redis and makes the database, which is empty.
    pub(crate) async fn gather(arguments: &Arguments) -> Result<Self> {
        let descriptors = raise_descriptors()?;
        let folder = tempfile::Builder::new().prefix("aside-demo-").tempdir().context("cannot make a folder")?;
        let redis = RedisServer::start(folder.path().join("redis")).await?;
        let database = ScratchDatabase::create(&arguments.database, "aside_demo").await?;
        Ok(Self {
            aside: arguments.aside.clone(),
            naive: arguments.naive.clone(),
            database,
            redis: Mutex::new(redis),
            tokens: Vec::new(),
            descriptors,
            folder,
        })
    }

    /// Fills the database, and signs people in.
    pub(crate) async fn fill(&mut self, talk: &Talk) -> Result<()> {
        let _filling = talk.wait(&format!("a database of {USERS} people, {} posts", USERS * 5));
        let tokens = self.folder.path().join("tokens");
        self.run(&["migrate"]).await?;
        let (users, signed_in) = (USERS.to_string(), SIGNED_IN.to_string());
        let file = tokens.to_string_lossy();
        self.run(&["seed", "--users", &users, "--sessions", &signed_in, "--tokens", &file]).await?;
        self.tokens = std::fs::read_to_string(tokens)?.lines().map(str::to_owned).collect();
        Ok(())
    }

    async fn run(&self, arguments: &[&str]) -> Result<()> {
        let redis = self.redis.lock().await;
        run_aside(&self.aside, arguments, (&self.database, &redis), self.folder.path()).await
    }

    /// A replica of aside with these variables on top of the usual ones, the limiter off.
    pub(crate) async fn aside(&self, variables: &[(&str, &str)]) -> Result<Process> {
        let log = self.folder.path().join("aside.log");
        let mut all = self.variables(variables).await;
        all.insert(0, ("RUST_LOG".into(), "warn".into()));
        for limit in ["RATE_LIMIT_SIGNED_IN", "RATE_LIMIT_ANONYMOUS", "RATE_LIMIT_LOGIN"] {
            all.insert(0, (limit.into(), "off".into()));
        }
        started(Process::aside(&self.aside, all, log)?).await
    }

    /// The naive service, which has the Redis to itself under keys of its own.
    pub(crate) async fn naive(&self, variables: &[(&str, &str)]) -> Result<Process> {
        let log = self.folder.path().join("naive.log");
        started(Process::other(&self.naive, Vec::new(), self.variables(variables).await, log)?).await
    }

    async fn variables(&self, further: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut variables = vec![
            ("DATABASE_URL".to_owned(), self.database.url().to_string()),
            ("REDIS_URL".to_owned(), self.redis.lock().await.url().to_string()),
        ];
        variables.extend(further.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        variables
    }

    /// A connection to the database past all services.
    pub(crate) async fn postgres(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(self.database.url().as_str()).await?)
    }

    /// Somebody.
    pub(crate) async fn somebody(&self) -> Result<Uuid> {
        let somebody = sqlx::query_scalar("SELECT id FROM users ORDER BY id LIMIT 1");
        Ok(somebody.fetch_one(&mut self.postgres().await?).await?)
    }

    /// Everybody goes home, and the database is dropped.
    pub(crate) async fn leave(&self) -> Result<()> {
        self.database.drop_database().await
    }
}

async fn started(mut process: Process) -> Result<Process> {
    process.start().await?;
    Ok(process)
}
