//! `make demo`: what cache-aside as everybody writes it does, what aside does, and how fast. Every number is measured while you
//! look; a claim that does not come true ends the run with an error.

#![allow(clippy::print_stdout, reason = "it is a talk")]

mod cast;
mod cut_in;
mod home;
mod load;
mod outage;
mod stale;
mod stampede;
mod talk;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Parser;
use url::Url;

use self::{cast::Cast, talk::Talk};

/// Shows on this machine, in a minute or two, what aside does and what the usual pattern does.
#[derive(Debug, Parser)]
struct Arguments {
    /// The binary `aside`
    #[arg(long, value_name = "FILE")]
    aside: PathBuf,
    /// The example `naive`
    #[arg(long, value_name = "FILE")]
    naive: PathBuf,
    /// The server that gets a database for the run
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database: Url,
    /// Waits for Enter between the parts
    #[arg(long)]
    pause: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let talk = Talk { pauses: arguments.pause };
    let cast = Cast::gather(&arguments, &talk).await?;
    let shown = tokio::select! {
        shown = show(&cast, &talk) => shown,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for Ctrl-C").and_then(|()| bail!("interrupted")),
    };
    cast.leave().await?;
    shown
}

async fn show(cast: &Cast, talk: &Talk) -> Result<()> {
    home::show(cast, talk).await?;
    stampede::show(cast, talk).await?;
    stale::show(cast, talk).await?;
    cut_in::show(cast, talk).await?;
    outage::show(cast, talk).await?;
    talk.end();
    Ok(())
}
