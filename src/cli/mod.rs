//! The command line. The only place that prints to the terminal, and that turns errors into exit codes.

mod terminal;

use std::process::ExitCode;

use clap::Parser;

/// The commands of the binary.
#[derive(Debug, Parser)]
#[command(name = "aside", version, about, long_about = None, after_help = AFTER_HELP)]
#[command(arg_required_else_help = true)]
struct Cli {}

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

#[expect(clippy::unnecessary_wraps, reason = "the commands that may fail are added here")]
fn run(_cli: &Cli) -> anyhow::Result<()> {
    Ok(())
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
