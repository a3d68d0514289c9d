//! A replica as a process of its own, `aside serve`: for tests that stop or kill one.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::api::Api;

/// How long a replica may take to be ready on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process. Killed when it is dropped.
pub(crate) struct Replica {
    process: Child,
    /// Where it answers.
    pub(crate) public: SocketAddr,
    /// Where it answers operators.
    pub(crate) admin: SocketAddr,
}

impl Replica {
    /// Starts `aside serve` with these variables and nothing else of the environment, and waits until it is ready.
    pub(crate) async fn start(variables: HashMap<String, String>) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_aside")), variables).await
    }

    /// The same under a limit of the system, as `ulimit` takes it.
    pub(crate) async fn start_under(limit: &str, variables: HashMap<String, String>) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_aside")]);
        Self::start_by(shell, variables).await
    }

    async fn start_by(mut command: Command, mut variables: HashMap<String, String>) -> Self {
        let (public, admin) = (free_address(), free_address());
        variables.insert("LISTEN_ADDR".to_owned(), public.to_string());
        variables.insert("ADMIN_ADDR".to_owned(), admin.to_string());
        let process = command
            .arg("serve")
            .env_clear()
            .envs(variables)
            // Where no .env is.
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut replica = Self { process, public, admin };
        replica.wait_until_ready().await;
        replica
    }

    async fn wait_until_ready(&mut self) {
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            let ready = reqwest::get(format!("http://{}/readyz", self.admin)).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let ended = self.process.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "the replica ended before it was ready: {ended:?}");
            assert!(Instant::now() < give_up_at, "the replica did not get ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A client without credentials.
    pub(crate) fn api(&self) -> Api {
        Api::new(self.public)
    }

    /// Sends a signal: `SIGCONT`, `SIGTERM`, `SIGKILL`.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.id(), signal).expect("the process is there");
    }

    /// Stops it in whatever it is doing. A signal takes effect some time after it was sent; this waits until it has.
    pub(crate) fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        let status = waitpid(self.id(), Some(WaitPidFlag::WUNTRACED)).expect("the process is there");
        assert!(matches!(status, WaitStatus::Stopped(_, Signal::SIGSTOP)), "{status:?}");
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).expect("process ids are small"))
    }

    /// Waits for its end; whether it ended well.
    pub(crate) async fn ended(&mut self) -> bool {
        loop {
            if let Some(status) = self.process.try_wait().expect("the process can be asked") {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// An address that is free now. Nobody can promise that it still is a moment later; the kernel hands them out in turn.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free")
}
