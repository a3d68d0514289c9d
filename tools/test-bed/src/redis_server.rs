//! A Redis of one's own: killed, stopped, flushed, and brought back from an old snapshot.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use redis::{FromRedisValue, aio::MultiplexedConnection};
use tokio::{
    process::{Child, Command},
    time,
};
use url::Url;

use super::ports::free_address;

/// How long a server may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// For one command.
const COMMAND: Duration = Duration::from_secs(2);

/// Deletes up to `ARGV[1]` keys at random.
const EVICT: &str = "for _ = 1, ARGV[1] do
    local key = redis.call('RANDOMKEY')
    if key then redis.call('DEL', key) end
end";

/// Killed when it is dropped.
pub struct RedisServer {
    url: Url,
    folder: PathBuf,
    process: Child,
}

impl RedisServer {
    /// Starts `scripts/own-redis` on a free port, with its files in `folder`.
    pub async fn start(folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let url: Url = format!("redis://{}", free_address()?).parse()?;
        let process = spawn(&url, &folder)?;
        let mut server = Self { url, folder, process };
        server.wait_until_up().await?;
        Ok(server)
    }

    /// Where it is; stays the same over restarts.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Kills it. Without `keep_snapshot` it will come back empty.
    pub async fn kill(&mut self, keep_snapshot: bool) -> Result<()> {
        self.process.kill().await.context("the Redis is gone already")?;
        if !keep_snapshot {
            let _there_was_none = std::fs::remove_file(self.folder.join("dump.rdb"));
        }
        Ok(())
    }

    /// Starts it again after [`kill`](Self::kill).
    pub async fn restart(&mut self) -> Result<()> {
        self.process = spawn(&self.url, &self.folder)?;
        self.wait_until_up().await
    }

    /// Stops it, or lets it go on.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.process.id().context("the Redis is gone")?;
        Ok(kill(Pid::from_raw(i32::try_from(id)?), signal)?)
    }

    /// Writes a snapshot, to come back from.
    pub async fn save(&self) -> Result<()> {
        self.command(&["SAVE"]).await
    }

    /// Loses everything.
    pub async fn flush(&self) -> Result<()> {
        self.command(&["FLUSHALL"]).await
    }

    /// Loses some keys, as if memory were short.
    pub async fn evict(&self, keys: u32) -> Result<()> {
        self.command(&["EVAL", EVICT, "0", &keys.to_string()]).await
    }

    async fn command(&self, words: &[&str]) -> Result<()> {
        self.query::<redis::Value>(words).await.map(drop)
    }

    /// Any command.
    pub async fn query<T: FromRedisValue>(&self, words: &[&str]) -> Result<T> {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let asking = async { command.query_async(&mut self.connection().await?).await };
        Ok(time::timeout(COMMAND, asking).await.context("the Redis gave no answer")??)
    }

    async fn connection(&self) -> redis::RedisResult<MultiplexedConnection> {
        redis::Client::open(self.url.as_str())?.get_multiplexed_async_connection().await
    }

    async fn wait_until_up(&mut self) -> Result<()> {
        let begun = time::Instant::now();
        while self.command(&["PING"]).await.is_err() {
            let ended = self.process.try_wait()?;
            ensure!(ended.is_none(), "scripts/own-redis ended before it answered: {ended:?}");
            ensure!(begun.elapsed() < PATIENCE, "the Redis does not answer");
            time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

fn spawn(url: &Url, folder: &Path) -> Result<Child> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/own-redis");
    let mut command = Command::new(script);
    command.arg(url.port().context("the URL has a port")?.to_string()).arg(folder);
    // A Ctrl-C at the terminal is for whoever started this.
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().with_context(|| format!("cannot start {script}"))
}
