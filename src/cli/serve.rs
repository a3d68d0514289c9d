//! `aside serve`.

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{app::Application, config::Config, telemetry::logging};

/// How to serve.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct ServeArguments {
    /// Leave the schema as it is; somebody else has migrated it.
    #[arg(long)]
    no_migrate: bool,
}

/// Serves until the first SIGINT or SIGTERM, then finishes what is under way; the second ends everything at once.
pub(super) async fn serve(config: Config, arguments: ServeArguments) -> anyhow::Result<()> {
    logging::init(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let application = Application::build(config)?;
    let shutdown = application.shutdown();

    let serving = application.serve(!arguments.no_migrate);
    tokio::pin!(serving);
    for _signal in 0..2 {
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping; once more ends it at once");
        shutdown.start();
    }
    Ok(())
}
