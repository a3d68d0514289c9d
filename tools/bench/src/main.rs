//! `make bench`: measures aside against the bare framework, the pattern as everybody writes it, and itself; as ratios, round by round,
//! in one run. Throughput is taken in a closed loop (wrk), every latency in an open one (`open_loop`).

mod arguments;
mod bed;
mod closed_loop;
mod html;
mod lineup;
mod metrics;
mod open_loop;
mod plan;
mod report;
mod scenarios;
mod statistics;
mod table;
mod zipf;

use anyhow::{Result, bail};
use aside_test_bed::told_to_stop;
use clap::Parser;

use self::{arguments::Arguments, report::Report};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut report = Report::begin(&arguments);
    let measured = tokio::select! {
        measured = scenarios::run(&arguments, &mut report) => measured,
        told = told_to_stop() => told.and_then(|()| bail!("told to stop")),
    };
    bed::clear_away().await?;
    measured?;
    let (json, html) = report.write(&arguments.results)?;
    table::print(&report, &json, &html);
    Ok(())
}
