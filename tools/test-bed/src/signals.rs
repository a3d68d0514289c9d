//! The signals that end a tool before its time.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first SIGINT (Ctrl-C) or SIGTERM (a polite kill), which end nothing any more from the first call on: what was
/// made for the run can be cleared away.
///
/// # Errors
///
/// If signals cannot be listened for.
pub async fn told_to_stop() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
