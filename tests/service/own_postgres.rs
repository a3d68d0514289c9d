//! A PostgreSQL of the test's own, and a standby of it.

use std::process::{Child, Command, Stdio};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use url::Url;

use crate::{patience::until_up, replica::free_address};

/// A server. Stopped when it is dropped.
pub(crate) struct OwnPostgres {
    process: Child,
    _folder: TempDir,
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

    async fn start_after(primary: Option<u16>) -> Self {
        let url: Url = format!("postgres://aside@{}/postgres", free_address()).parse().expect("a URL");
        let folder = TempDir::new().expect("a folder");
        let process = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/own-postgres"))
            .arg(url.port().expect("a port").to_string())
            .arg(folder.path())
            .args(primary.map(|port| port.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("scripts/own-postgres starts");
        let mut server = Self { process, _folder: folder, url };
        let url = &server.url;
        until_up(&mut server.process, async || PgConnection::connect(url.as_str()).await).await;
        server
    }
}

impl Drop for OwnPostgres {
    /// Not by SIGKILL: its children would go on for a while.
    fn drop(&mut self) {
        let id = i32::try_from(self.process.id()).expect("process ids are small");
        let _gone_already = kill(Pid::from_raw(id), Signal::SIGQUIT);
        let _reaped = self.process.wait();
    }
}
