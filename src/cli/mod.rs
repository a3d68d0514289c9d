//! The command line. The only place that prints to the terminal, and that turns errors into exit codes.

mod environment;
mod migrate;
mod open_files;
pub mod seed;
mod serve;
mod terminal;

use std::{io, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::{config::Config, scheduling::Scheduling};

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
    environment::without_postgres_variables()?;
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

/// The workers. A thread that a lane makes them start is scheduled as they are, and not as the lane is.
fn start_runtime() -> io::Result<Runtime> {
    let as_usual = Scheduling::of_this_thread();
    Builder::new_multi_thread().enable_all().on_thread_start(move || as_usual.adopt()).build()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_thread_that_a_lane_makes_the_workers_start_is_scheduled_as_they_are() {
        let runtime = start_runtime().expect("a runtime");
        let workers = runtime.handle().clone();

        let lane = std::thread::spawn(move || {
            Scheduling::of_this_thread().for_threads()[0].interrupting_nobody().adopt();
            workers.spawn_blocking(Scheduling::of_this_thread)
        });

        let started = lane.join().expect("no panic");
        assert_eq!(runtime.block_on(started).expect("no panic"), Scheduling::of_this_thread());
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
