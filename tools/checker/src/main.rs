//! The checker from the command line. `--help` says how.

#![expect(clippy::print_stdout, reason = "a command prints its answer")]

use std::process::ExitCode;

use anyhow::{Context, Result};
use aside_checker::{arguments::Arguments, report::Report, run::run};
use clap::Parser;

fn main() -> ExitCode {
    match check(&Arguments::parse()) {
        Ok(report) if !report.verdict.is_clean() => ExitCode::from(1),
        Ok(report) if report.cut_short.is_some() => ExitCode::from(2),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aside-checker: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs, and tells what came of it.
fn check(arguments: &Arguments) -> Result<Report> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let report = runtime.block_on(run(arguments))?;
    print!("{report}");
    if let Some(file) = &arguments.json {
        std::fs::write(file, serde_json::to_vec_pretty(&report)?).context("cannot write the report")?;
    }
    Ok(report)
}
