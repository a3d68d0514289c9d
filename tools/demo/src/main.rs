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

use anyhow::{Result, bail};
use aside_test_bed::told_to_stop;
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
    let mut cast = Cast::gather(&arguments).await?;
    let shown = tokio::select! {
        shown = show(&mut cast, &talk) => shown,
        told = told_to_stop() => told.and_then(|()| bail!("told to stop")),
    };
    cast.leave().await?;
    shown
}

async fn show(cast: &mut Cast, talk: &Talk) -> Result<()> {
    cast.fill(talk).await?;
    home::show(cast, talk).await?;
    stampede::show(cast, talk).await?;
    stale::show(cast, talk).await?;
    cut_in::show(cast, talk).await?;
    outage::show(cast, talk).await?;
    talk.end();
    Ok(())
}
