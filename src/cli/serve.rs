//! `aside serve`.

use std::{io, time::Duration};

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{self, SignalKind};

use super::open_files;
use crate::{app::Application, config::Config, telemetry::logging};

/// The arguments of `aside serve`.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct ServeArguments {
    /// Do not migrate the schema first.
    #[arg(long)]
    no_migrate: bool,
}

/// Serves until the first SIGINT or SIGTERM, then finishes the running requests. The second signal ends everything at once. After
/// SIGTERM serving goes on for `HTTP_DRAIN_DELAY`, until proxies have noticed.
pub(super) async fn serve(mut config: Config, arguments: ServeArguments) -> anyhow::Result<()> {
    logging::init(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(warning) = open_files::cap_connections(&mut config, open_files::raise_limit()) {
        tracing::warn!("{warning}");
    }
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let drain_delay = config.http.drain_delay;
    let application = Application::build(config)?;
    let (shutdown, readiness) = (application.shutdown(), application.readiness());

    let serving = application.serve(!arguments.no_migrate);
    tokio::pin!(serving);
    let first = tokio::select! {
        ended = &mut serving => return Ok(ended?),
        signal = signals.next() => signal,
    };
    // No proxy sends requests to a replica that was never ready.
    let is_drained = first == Signal::Terminate && readiness.is_ready();
    let delay = if is_drained { drain_delay } else { Duration::ZERO };
    tracing::info!(?delay, "stopping; a second signal ends it at once");
    tokio::select! {
        (ended, ()) = async { tokio::join!(serving, shutdown.start_after(delay)) } => Ok(ended?),
        _second = signals.next() => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Interrupt,
    Terminate,
}

/// The signals that stop the process.
struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(unix::signal);
        Ok(Self { interrupt: interrupt?, terminate: terminate? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}
