//! The command line. The only place that prints to the terminal, and that turns errors into exit codes.

mod migrate;
pub mod seed;
mod serve;
mod terminal;

use std::{io, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::{config::Config, processors::Processors};

/// The commands of the binary.
#[derive(Debug, Parser)]
#[command(name = "aside", version, about, long_about = None, after_help = AFTER_HELP)]
#[command(arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API. Migrates the database first.
    Serve(serve::ServeArguments),
    /// Bring the database's schema up to date.
    Migrate,
    /// Load made-up data into an empty database.
    Seed(seed::SeedArguments),
}

const AFTER_HELP: &str =
    "Settings are environment variables; .env.example names them all. A .env file is read if present.";

/// Runs what the command line asks for.
///
/// Exit codes: 0 when it was done, 1 when it failed, 2 when the command line or the settings have to be changed first.
#[must_use]
pub fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => terminal::report(&error),
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let config = Config::load()?;
    let runtime = start_runtime().context("cannot start the runtime")?;
    runtime.block_on(async {
        match &cli.command {
            Command::Serve(arguments) => serve::serve(config, *arguments).await,
            Command::Migrate => migrate::migrate(config).await,
            Command::Seed(arguments) => seed::seed(arguments, &config).await,
        }
    })
}

/// The workers. A thread that a lane makes them start runs anywhere, as they do, and not where the lane is kept.
fn start_runtime() -> io::Result<Runtime> {
    let anywhere = Processors::of_this_thread();
    Builder::new_multi_thread().enable_all().on_thread_start(move || anywhere.keep_this_thread()).build()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_thread_that_a_lane_makes_the_workers_start_runs_anywhere() {
        let places = || format!("{:?}", Processors::of_this_thread());
        let runtime = start_runtime().expect("a runtime");
        let workers = runtime.handle().clone();

        let lane = std::thread::spawn(move || {
            Processors::of_this_thread().for_threads()[0].keep_this_thread();
            workers.spawn_blocking(places)
        });

        let started = lane.join().expect("no panic");
        assert_eq!(runtime.block_on(started).expect("no panic"), places());
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
