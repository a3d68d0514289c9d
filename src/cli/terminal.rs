//! The error message of a failed command.

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

/// Writes the error to standard error and returns the exit code.
pub(super) fn report(error: &Error) -> ExitCode {
    // Standard error may be closed: the exit code remains.
    let _may_be_closed = io::stderr().lock().write_all(text(error).as_bytes());
    ExitCode::from(code(error))
}

/// A line for each error; a chain of causes is one error.
fn text(error: &Error) -> String {
    let mut errors: Vec<String> = Vec::new();
    for cause in error.chain().map(plain_text) {
        // Errors of sqlx repeat the text of their cause.
        if !errors.last().is_some_and(|said| said.ends_with(&cause)) {
            errors.push(cause);
        }
    }
    format!("error: {}\n", errors.join(": ").trim_end().replace('\n', "\nerror: "))
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
    fn a_repeated_cause_is_written_once() {
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
