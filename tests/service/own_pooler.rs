//! A `PgBouncer` of the test's own, in front of the test's database.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::unistd::geteuid;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use url::Url;

use crate::{patience::until_up, replica::free_address};

/// The user `nobody`: `PgBouncer` refuses to run as root.
const NOBODY: u32 = 65_534;

/// A pooler. Killed when it is dropped.
pub(crate) struct OwnPooler {
    process: Child,
    folder: TempDir,
    program: String,
    /// The test's database, through it.
    pub(crate) url: Url,
}

impl OwnPooler {
    /// A pooler with these settings. `None` where no `PGBOUNCER` names its program, which CI does not accept.
    pub(crate) async fn start(database: &Url, settings: &[&str]) -> Option<Self> {
        let Some(program) = std::env::var("PGBOUNCER").ok().filter(|program| !program.is_empty()) else {
            assert!(std::env::var_os("CI").is_none(), "PGBOUNCER is not set: scripts/services pgbouncer gets one");
            eprintln!("not tested: PGBOUNCER names no program of PgBouncer 1.21 or newer");
            return None;
        };
        let mut url = database.clone();
        let address = free_address();
        url.set_ip_host(address.ip()).expect("a URL with a host");
        url.set_port(Some(address.port())).expect("a URL with a host");
        let folder = TempDir::new().expect("a folder");
        write_settings(folder.path(), database, &url, settings);
        let process = spawn(&program, folder.path());
        let mut pooler = Self { process, folder, program, url };
        pooler.wait_until_up().await;
        Some(pooler)
    }

    /// Starts it again, at the same address, with these settings.
    pub(crate) async fn restart_with(&mut self, database: &Url, settings: &[&str]) {
        self.kill();
        write_settings(self.folder.path(), database, &self.url, settings);
        self.process = spawn(&self.program, self.folder.path());
        self.wait_until_up().await;
    }

    /// Another client of it.
    pub(crate) async fn connect(&self) -> sqlx::Result<PgConnection> {
        connect(&self.url).await
    }

    fn kill(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }

    async fn wait_until_up(&mut self) {
        let url = &self.url;
        until_up(&mut self.process, async || connect(url).await).await;
    }
}

async fn connect(url: &Url) -> sqlx::Result<PgConnection> {
    url.as_str().parse::<PgConnectOptions>()?.extra_float_digits(None).connect().await
}

impl Drop for OwnPooler {
    fn drop(&mut self) {
        self.kill();
    }
}

fn write_settings(folder: &Path, database: &Url, at: &Url, settings: &[&str]) {
    let (host, port) = (database.host_str().expect("a host"), database.port().unwrap_or(5432));
    let (user, password) = (database.username(), database.password().unwrap_or_default());
    let (address, listens) = (at.host_str().expect("a host"), at.port().expect("a port"));
    // Any client is the one user. No `ignore_startup_parameters`: none may be needed.
    let text = format!(
        "[databases]\n* = host={host} port={port} user={user} password={password}\n\
         [pgbouncer]\nlisten_addr = {address}\nlisten_port = {listens}\nauth_type = any\nunix_socket_dir =\n\
         default_pool_size = 40\n{}\n",
        settings.join("\n"),
    );
    fs::write(folder.join("settings.ini"), text).expect("the folder is the test's");
}

fn spawn(program: &str, folder: &Path) -> Child {
    let file = folder.join("settings.ini");
    let mut command = Command::new(program);
    if geteuid().is_root() {
        for path in [folder, &file] {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    command.arg("--quiet").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}
