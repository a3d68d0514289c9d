//! What a scenario stands on: a database of a size, a Redis of its own, people who are signed in, and files that say who asks.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};
use aside_test_bed::{RedisServer, ScratchDatabase, run_aside};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use super::zipf::{Choice, draw};

/// Requests in a file, at least, and for each who may ask; then it begins again. A file that is walked through several times
/// while a cache is warmed would make it warmer than the law has it.
const DRAWS: usize = 400_000;
const DRAWS_EACH: usize = 5;

/// Databases that were made and are to be dropped, whatever happens.
static MADE: Mutex<Vec<ScratchDatabase>> = Mutex::new(Vec::new());

/// See the module.
pub(crate) struct Bed {
    pub(crate) database: ScratchDatabase,
    pub(crate) redis: RedisServer,
    /// Of those who ask.
    pub(crate) tokens: Vec<String>,
    pub(crate) folder: TempDir,
}

impl Bed {
    /// Makes it. `aside seed` says how far it is.
    pub(crate) async fn make(aside: &Path, server: &Url, users: u32, readers: u32) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("aside-bench-").tempdir().context("cannot make a folder")?;
        let redis = RedisServer::start(folder.path().join("redis")).await?;
        let database = ScratchDatabase::create(server, "aside_bench").await?;
        MADE.lock().unwrap_or_else(PoisonError::into_inner).push(database.clone());
        let mut bed = Self { database, redis, tokens: Vec::new(), folder };
        let file = bed.folder.path().join("tokens");
        bed.run(aside, &["migrate"]).await?;
        let (users, readers) = (users.to_string(), readers.to_string());
        bed.run(aside, &["seed", "--users", &users, "--sessions", &readers, "--tokens", &file.to_string_lossy()])
            .await?;
        bed.tokens = std::fs::read_to_string(file)?.lines().map(str::to_owned).collect();
        Ok(bed)
    }

    async fn run(&self, aside: &Path, arguments: &[&str]) -> Result<()> {
        run_aside(aside, arguments, (&self.database, &self.redis), self.folder.path()).await
    }

    /// The script that drives wrk.
    pub(crate) fn script(&self) -> Result<PathBuf> {
        self.file("load.lua", include_str!("home.lua"))
    }

    /// A file of those who ask, in the order in which they do.
    pub(crate) fn walk(&self, choice: Choice) -> Result<PathBuf> {
        let drawn = draw(choice, self.tokens.len(), DRAWS.max(DRAWS_EACH * self.tokens.len()))?;
        let lines: Vec<&str> = drawn.into_iter().map(|at| self.tokens[at].as_str()).collect();
        self.file(&format!("{choice:?}"), &lines.join("\n"))
    }

    /// How many of them have asked: so many sessions are in Redis.
    pub(crate) async fn active_readers(&self) -> Result<f64> {
        let (mut cursor, mut readers) = ("0".to_owned(), 0.0);
        loop {
            let scan = ["SCAN", &cursor, "MATCH", "*:session:*", "COUNT", "10000"];
            let (next, met): (String, Vec<String>) = self.redis.query(&scan).await?;
            readers += f64::from(u32::try_from(met.len())?);
            if next == "0" {
                return Ok(readers);
            }
            cursor = next;
        }
    }

    /// A file of nobody.
    pub(crate) fn nobody(&self) -> Result<PathBuf> {
        self.file("nobody", "-")
    }

    /// A file of one who asks all the time.
    pub(crate) fn one(&self) -> Result<PathBuf> {
        let token = self.tokens.first().context("somebody is signed in")?;
        self.file("one", token)
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Somebody whom people follow.
    pub(crate) async fn somebody(&self) -> Result<Uuid> {
        let popular = sqlx::query_scalar("SELECT followee_id FROM follows GROUP BY 1 ORDER BY count(*) DESC LIMIT 1");
        Ok(popular.fetch_one(&mut PgConnection::connect(self.database.url().as_str()).await?).await?)
    }

    /// Signs those who ask in with the article's code: their sessions as it keeps them, under the same tokens.
    pub(crate) async fn sign_in_with_the_article(&self) -> Result<()> {
        let mut postgres = PgConnection::connect(self.database.url().as_str()).await?;
        let of_tokens = "SELECT token, user_id FROM unnest($1::text[]) AS token
            JOIN sessions ON token_hash = sha256(convert_to(token, 'UTF8'))";
        let rows: Vec<(String, Uuid)> = sqlx::query_as(of_tokens).bind(&self.tokens).fetch_all(&mut postgres).await?;
        let mut redis = redis::Client::open(self.redis.url().as_str())?.get_multiplexed_async_connection().await?;
        for some in rows.chunks(1_000) {
            let mut pipeline = redis::pipe();
            for (token, user) in some {
                let session = serde_json::json!({ "user_id": user }).to_string();
                pipeline.cmd("SET").arg(format!("session:{token}")).arg(session).arg("EX").arg(86_400).ignore();
            }
            let () = pipeline.query_async(&mut redis).await?;
        }
        Ok(())
    }
}

/// Drops all databases that were made.
pub(crate) async fn clear_away() -> Result<()> {
    let made = std::mem::take(&mut *MADE.lock().unwrap_or_else(PoisonError::into_inner));
    for database in made {
        database.drop_database().await?;
    }
    Ok(())
}
