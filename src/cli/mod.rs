//! The command line. Only this module prints to the terminal and turns errors into exit codes.

mod environment;
mod migrate;
mod open_files;
pub mod seed;
mod serve;
mod terminal;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::config::Config;

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

/// Runs the command.
///
/// Exit codes: 0 on success, 1 on failure, 2 when the command line or the settings are wrong.
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
    let runtime = Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        match &cli.command {
            Command::Serve(arguments) => serve::serve(config, *arguments).await,
            Command::Migrate => migrate::migrate(config).await,
            Command::Seed(arguments) => seed::seed(arguments, &config).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
