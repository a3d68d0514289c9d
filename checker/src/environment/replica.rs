//! A process of the real binary.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time,
};

use super::{ports::free_address, probe::Probe};

/// How long it may take to be ready on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Killed when it is dropped; started again where it was.
pub struct Replica {
    program: PathBuf,
    variables: Vec<(String, String)>,
    address: String,
    admin: String,
    log: PathBuf,
    process: Option<Child>,
}

impl Replica {
    /// Prepares `aside serve` with these variables; all else is as by default, but for the limiter, which is off.
    pub fn new(program: &Path, variables: Vec<(String, String)>, log: PathBuf) -> Result<Self> {
        let (address, admin) = (free_address()?, free_address()?);
        let mut all = vec![
            ("LISTEN_ADDR".to_owned(), address.clone()),
            ("ADMIN_ADDR".to_owned(), admin.clone()),
            ("PUBLIC_URL".to_owned(), format!("http://{address}")),
            // All users of a round register at once.
            ("PASSWORD_HASH_WAIT".to_owned(), "10s".to_owned()),
            ("RUST_LOG".to_owned(), "warn,aside::cache=info,aside::redis_client=info".to_owned()),
        ];
        let limits = ["RATE_LIMIT_ANONYMOUS", "RATE_LIMIT_SIGNED_IN", "RATE_LIMIT_LOGIN"];
        all.extend(limits.map(|name| (name.to_owned(), "off".to_owned())));
        all.extend(variables);
        Ok(Self { program: program.to_owned(), variables: all, address, admin, log, process: None })
    }

    /// The public API.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// For questions about how it is.
    #[must_use]
    pub fn probe(&self) -> Probe {
        Probe(self.admin.clone())
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let folder = self.log.parent().context("a log has a folder")?;
        let mut command = Command::new(&self.program);
        // Away from any `.env`.
        command.arg("serve").current_dir(folder).env_clear().envs(self.variables.iter().cloned());
        // A Ctrl-C at the terminal is for the checker alone.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let process = command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        self.process = Some(process);
        let probe = self.probe();
        let ready = time::timeout(PATIENCE, probe.until_ready()).await;
        ensure!(ready.is_ok(), "a replica is not ready in a minute: {}", self.last_words());
        Ok(())
    }

    /// `kill -9`.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await.context("a replica has ended by itself")?;
        }
        Ok(())
    }

    /// Stops it, or lets it go on.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref().and_then(Child::id).context("a replica has ended by itself")?;
        Ok(kill(Pid::from_raw(i32::try_from(process)?), signal)?)
    }

    /// Whether it runs, stopped or not.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().last().unwrap_or("it said nothing").to_owned()
    }
}
