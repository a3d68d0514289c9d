//! The report of a load.

use std::{fmt, path::PathBuf, time::Duration};

use chrono::SecondsFormat;
use indicatif::HumanCount;

use super::{plan::Plan, progress::per_second, words::DEMO_USERNAME};

/// The outcome of a load.
#[derive(Debug)]
pub enum Outcome {
    /// The rows are stored.
    Loaded(Report),
    /// There were users already and a sample was not needed; whether the demo account with the known password is among them.
    NotNeeded {
        /// Whether it accepts this password.
        has_demo_account: bool,
    },
}

/// A load that was committed.
#[derive(Debug)]
pub struct Report {
    pub(super) plan: Plan,
    pub(super) elapsed: Duration,
    pub(super) password: String,
    pub(super) tokens: Option<PathBuf>,
    /// Steps after the commit that failed without harm.
    pub(super) warning: Option<String>,
}

impl Report {
    /// Rows in all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.plan.users + self.plan.posts + self.plan.follows() + self.plan.sessions
    }

    /// The password of all users.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded(report) => report.fmt(formatter),
            Self::NotNeeded { has_demo_account: true } => {
                write!(formatter, "there are users already, nothing was loaded; {}", Demo(super::LOCAL_PASSWORD))
            }
            Self::NotNeeded { has_demo_account: false } => {
                formatter.write_str("there are users already, nothing was loaded")
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, elapsed, password, tokens, warning } = self;
        let (seconds, count) = (elapsed.as_secs_f64(), HumanCount);
        writeln!(
            formatter,
            "loaded {} users, {} posts, {} follows and {} sessions: {} rows in {seconds:.1} s, {} rows/s",
            count(plan.users),
            count(plan.posts),
            count(plan.follows()),
            count(plan.sessions),
            count(self.rows()),
            per_second(self.rows(), seconds),
        )?;
        let until = plan.until.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        writeln!(formatter, "the same again: --seed {} --until {until}", plan.seed)?;
        if let Some(warning) = warning {
            writeln!(formatter, "{warning}")?;
        }
        if let Some(tokens) = tokens {
            writeln!(formatter, "bearer tokens: {} in {}", count(plan.sessions), tokens.display())?;
        }
        writeln!(formatter, "everybody's password: {password}")?;
        Demo(password).fmt(formatter)
    }
}

/// The form that `scripts/run` reads.
struct Demo<'password>(&'password str);

impl fmt::Display for Demo<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "demo account: {DEMO_USERNAME} {}", self.0)
    }
}
