//! A Redis of the test's own, to be stopped, killed, flushed, filled, and brought back from an old snapshot.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use url::Url;

use crate::{
    patience::{PATIENCE, until_up},
    replica::free_address,
};

/// A server. Killed when it is dropped.
pub(crate) struct OwnRedis {
    process: Child,
    folder: TempDir,
    options: Vec<String>,
    /// Where it is; stays the same over restarts.
    pub(crate) url: Url,
}

impl OwnRedis {
    /// A server without persistence.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server with these options.
    pub(crate) async fn start_with(options: &[&str]) -> Self {
        let url: Url = format!("redis://{}", free_address()).parse().expect("a URL");
        let folder = TempDir::new().expect("a folder");
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let process = spawn(&url, folder.path(), &options);
        let mut server = Self { process, folder, options, url };
        server.wait_until_up().await;
        server
    }

    /// Sends a signal: `SIGSTOP`, `SIGCONT`.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).expect("process ids are small");
        kill(Pid::from_raw(id), signal).expect("the server is there");
    }

    /// Kills it; nothing is saved.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("the server is there");
        self.process.wait().expect("the server ends");
    }

    /// Starts it again after [`kill`](Self::kill), at the same address, with whatever its folder holds.
    pub(crate) async fn restart(&mut self) {
        self.process = spawn(&self.url, self.folder.path(), &self.options);
        self.wait_until_up().await;
    }

    /// Starts it again with these options too, and does not wait until it is up.
    pub(crate) fn restart_with(&mut self, options: &[&str]) {
        let options = self.options.iter().cloned().chain(options.iter().map(|&option| option.to_owned()));
        self.process = spawn(&self.url, self.folder.path(), &options.collect::<Vec<_>>());
    }

    /// Where it would write a snapshot.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs one command past the application.
    pub(crate) async fn command(&self, words: &[&str]) -> redis::Value {
        self.control().await.run(words).await
    }

    /// How often it carried out this command (in lower case).
    pub(crate) async fn calls_of(&self, command: &str) -> u64 {
        let stats: String = redis::from_redis_value(self.command(&["INFO", "commandstats"]).await).expect("a text");
        let start = format!("cmdstat_{command}:calls=");
        let calls = stats.lines().find_map(|line| line.strip_prefix(&start)?.split(',').next()?.parse().ok());
        calls.unwrap_or_default()
    }

    /// A connection past the application, that was there before the server began to refuse.
    pub(crate) async fn control(&self) -> Control {
        Control(connect(&self.url).await.expect("the server answers"))
    }

    async fn wait_until_up(&mut self) {
        let url = &self.url;
        let ping = async || redis::cmd("PING").query_async::<String>(&mut connect(url).await?).await;
        until_up(&mut self.process, ping).await;
    }
}

async fn connect(url: &Url) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    redis::Client::open(url.as_str())?.get_multiplexed_async_connection_with_config(&config).await
}

/// A connection of the test's own.
pub(crate) struct Control(redis::aio::MultiplexedConnection);

impl Control {
    /// Runs one command.
    pub(crate) async fn run(&mut self, words: &[&str]) -> redis::Value {
        self.try_run(words).await.expect("a reply")
    }

    /// Runs one command, which may fail.
    pub(crate) async fn try_run(&mut self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query_async(&mut self.0).await
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn spawn(url: &Url, folder: &Path, options: &[String]) -> Child {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/own-redis");
    Command::new(script)
        .arg(url.port().expect("a port").to_string())
        .arg(folder)
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("scripts/own-redis starts")
}
