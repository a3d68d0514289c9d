//! What a person at the terminal is told when a command fails.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Error;
use aside_postgres::plain_text;

use crate::config::ConfigError;

/// The command failed.
const FAILED: u8 = 1;
/// The command line or the settings have to be changed first; as `clap` ends on a bad command line.
const MISUSED: u8 = 2;

/// Tells standard error what went wrong and gives the exit code that says so.
pub(super) fn report(error: &Error) -> ExitCode {
    // Nobody may be listening any more; the exit code remains.
    let _nobody_listens = io::stderr().lock().write_all(text(error).as_bytes());
    ExitCode::from(code(error))
}

/// A line for each complaint; a chain of causes is one complaint.
fn text(error: &Error) -> String {
    let mut complaints: Vec<String> = Vec::new();
    for cause in error.chain().map(plain_text) {
        // Errors of sqlx say what their cause says, too.
        if !complaints.last().is_some_and(|said| said.ends_with(&cause)) {
            complaints.push(cause);
        }
    }
    format!("error: {}\n", complaints.join(": ").trim_end().replace('\n', "\nerror: "))
}

fn code(error: &Error) -> u8 {
    if error.is::<ConfigError>() { MISUSED } else { FAILED }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_chain_of_causes_is_one_line() {
        let error = anyhow!("connection refused").context("cannot reach Postgres; is it running?");

        assert_eq!(text(&error), "error: cannot reach Postgres; is it running?: connection refused\n");
        assert_eq!(code(&error), FAILED);
    }

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let error = anyhow!("no such mode").context("bad setting: no such mode").context("cannot start");

        assert_eq!(text(&error), "error: cannot start: bad setting: no such mode\n");
    }

    #[test]
    fn bad_settings_are_a_line_each_and_misuse() {
        let variables = [("DATABASE_URL", "postgres://h/d"), ("REDIS_URL", "redis://h"), ("CACHE_TTL", "soon")];
        let error = Error::from(Config::from_variables(variables).unwrap_err());

        assert!(text(&error).starts_with("error: CACHE_TTL is \"soon\", expected "), "{}", text(&error));
        assert_eq!(text(&error).lines().count(), 1);
        assert_eq!(code(&error), MISUSED);
    }
}
