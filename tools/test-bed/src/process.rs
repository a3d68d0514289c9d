//! A server of ours: a process with its variables, its log and its ports.

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
    net::TcpStream,
    process::{Child, Command},
    time,
};

use super::{ports::free_address, probe::Probe};

/// How long it may take to be ready on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at whether it listens.
const PAUSE: Duration = Duration::from_millis(10);

/// Killed when it is dropped; started again where it was.
pub struct Process {
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    address: String,
    /// Of `aside`: what answers `/readyz`.
    admin: Option<String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Prepares `aside serve` with these variables; all else is as by default.
    pub fn aside(program: &Path, variables: Vec<(String, String)>, log: PathBuf) -> Result<Self> {
        let (address, admin) = (free_address()?, free_address()?);
        let mut all = vec![
            ("LISTEN_ADDR".to_owned(), address.clone()),
            ("ADMIN_ADDR".to_owned(), admin.clone()),
            ("PUBLIC_URL".to_owned(), format!("http://{address}")),
        ];
        all.extend(variables);
        let (program, arguments) = (program.to_owned(), vec!["serve".to_owned()]);
        Ok(Self { program, arguments, variables: all, address, admin: Some(admin), log, child: None })
    }

    /// Prepares another program that serves HTTP where its variable `LISTEN_ADDR` says.
    pub fn other(
        program: &Path,
        arguments: Vec<String>,
        variables: Vec<(String, String)>,
        log: PathBuf,
    ) -> Result<Self> {
        let address = free_address()?;
        let mut all = vec![("LISTEN_ADDR".to_owned(), address.clone())];
        all.extend(variables);
        let program = program.to_owned();
        Ok(Self { program, arguments, variables: all, address, admin: None, log, child: None })
    }

    /// Where it serves.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where its admin server is; its own address for a program that has none.
    #[must_use]
    pub fn admin(&self) -> &str {
        self.admin.as_deref().unwrap_or(&self.address)
    }

    /// For questions about how it is.
    #[must_use]
    pub fn probe(&self) -> Probe {
        Probe::new(self.admin())
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let folder = self.log.parent().context("a log has a folder")?;
        let mut command = Command::new(&self.program);
        // Away from any `.env`; programs that are scripts are found by their interpreter's PATH.
        command.args(&self.arguments).current_dir(folder).env_clear();
        command.envs(std::env::vars().filter(|(name, _)| name == "PATH")).envs(self.variables.iter().cloned());
        // A Ctrl-C at the terminal is for whoever started this.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        self.child = Some(child);
        let ready = time::timeout(PATIENCE, self.until_ready()).await;
        let name = self.program.display();
        ensure!(ready.is_ok_and(|ready| ready), "{name} is not ready: {}", self.last_words());
        Ok(())
    }

    /// False when it has ended.
    async fn until_ready(&mut self) -> bool {
        let probe = self.probe();
        let (has_admin, address) = (self.admin.is_some(), self.address.clone());
        let Some(child) = &mut self.child else { return false };
        let ready = async {
            if has_admin {
                return probe.until_ready().await;
            }
            while TcpStream::connect(&address).await.is_err() {
                time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            () = ready => true,
            _ended = child.wait() => false,
        }
    }

    /// `kill -9`.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await.context("a server has ended by itself")?;
        }
        Ok(())
    }

    /// Stops it, or lets it go on.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.id().context("a server has ended by itself")?;
        Ok(kill(Pid::from_raw(i32::try_from(process)?), signal)?)
    }

    /// Whether it runs, stopped or not.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().last().unwrap_or("it said nothing").to_owned()
    }
}
