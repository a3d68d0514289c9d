//! A PostgreSQL of the test's own, and a standby of it.

use std::process::{Child, Command, Stdio};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use url::Url;

use crate::{
    patience::{until, until_up},
    replica::free_address,
};

/// A server. Stopped when it is dropped.
pub(crate) struct OwnPostgres {
    process: Child,
    folder: TempDir,
    /// Its database `postgres`.
    pub(crate) url: Url,
}

impl OwnPostgres {
    /// A primary; `None` where only a container has the programs of PostgreSQL.
    pub(crate) async fn start() -> Option<Self> {
        if std::env::var_os("POSTGRES_BIN").is_none() {
            eprintln!("skipped: POSTGRES_BIN is not set");
            return None;
        }
        Some(Self::start_after(None).await)
    }

    /// A standby that follows this server.
    pub(crate) async fn standby(&self) -> Self {
        Self::start_after(self.url.port()).await
    }

    /// Makes this standby the primary, and the primary, which stops for that, its standby.
    pub(crate) async fn take_over_from(&self, primary: &mut Self) {
        primary.signal(Signal::SIGINT);
        primary.process.wait().expect("the server ends");
        self.run("SELECT pg_promote()").await;
        primary.process = spawn(&primary.url, &primary.folder, self.url.port());
        primary.wait_until_up().await;
    }

    /// Lets this standby replay nothing of what its primary does from now on.
    pub(crate) async fn pause_replay(&self) {
        self.run("SELECT pg_wal_replay_pause()").await;
        until(async || {
            let mut connection = self.connect().await.expect("it answers");
            let state = sqlx::query_scalar("SELECT pg_get_wal_replay_pause_state()").fetch_one(&mut connection);
            state.await.is_ok_and(|state: String| state == "paused")
        })
        .await;
    }

    async fn start_after(primary: Option<u16>) -> Self {
        let url: Url = format!("postgres://aside@{}/postgres", free_address()).parse().expect("a URL");
        let folder = TempDir::new().expect("a folder");
        let process = spawn(&url, &folder, primary);
        let mut server = Self { process, folder, url };
        server.wait_until_up().await;
        server
    }

    async fn wait_until_up(&mut self) {
        let url = &self.url;
        until_up(&mut self.process, async || PgConnection::connect(url.as_str()).await).await;
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect(self.url.as_str()).await
    }

    async fn run(&self, statement: &'static str) {
        let mut connection = self.connect().await.expect("it answers");
        connection.execute(statement).await.expect("it may");
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).expect("process ids are small");
        let _gone_already = kill(Pid::from_raw(id), signal);
    }
}

fn spawn(url: &Url, folder: &TempDir, primary: Option<u16>) -> Child {
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/own-postgres"))
        .arg(url.port().expect("a port").to_string())
        .arg(folder.path())
        .args(primary.map(|port| port.to_string()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("scripts/own-postgres starts")
}

impl Drop for OwnPostgres {
    /// Not by SIGKILL: its children would go on for a while.
    fn drop(&mut self) {
        self.signal(Signal::SIGQUIT);
        let _reaped = self.process.wait();
    }
}
