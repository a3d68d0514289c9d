//! Errors in settings.

use std::fmt;

/// Settings that cannot be used: a line for each, with the variable's name, its value unless that is secret, and what was
/// expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    lines: Vec<String>,
}

impl ConfigError {
    /// At least one line; no line has a line break.
    pub(super) fn new(lines: Vec<String>) -> Self {
        Self { lines }
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.lines.join("\n"))
    }
}
