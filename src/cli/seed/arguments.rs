//! The command line of `aside seed`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, value_parser};

use super::plan::{Plan, Request};

const MAX_USERS: u64 = 100_000_000;
const MAX_POSTS: u64 = 10_000_000_000;

/// Loads made-up users, posts, follows and sessions into an empty database.
///
/// The load is one transaction: a failure or Ctrl-C leaves the database unchanged. Rows are reproducible: the same numbers,
/// --seed and --until give the same rows, except for sessions and the salt of the password, which are secrets.
#[derive(Clone, Debug, Args)]
pub struct SeedArguments {
    /// Users, `demo` among them
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..=MAX_USERS))]
    pub users: u64,
    /// Posts of all users together; few users write most of them [default: 5 for each user]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(..=MAX_POSTS))]
    pub posts: Option<u64>,
    /// Follows of each user on average, up to 2,000; few users have most of the followers [default: 20]
    #[arg(long, value_name = "N")]
    pub follows_per_user: Option<u32>,
    /// Sessions of distinct users at random [default: one for each user]
    #[arg(long, value_name = "N")]
    pub sessions: Option<u64>,
    /// Writes the sessions' bearer tokens to this file, one a line, readable by you alone
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
    /// The seed of the random rows
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The end of the two years in which all rows were created, like 2026-01-31T12:00:00Z [default: the last full hour; for
    /// the sample 2026-01-01]
    #[arg(long, value_name = "TIME")]
    pub until: Option<DateTime<Utc>>,
    /// A small, fixed data set; does nothing if there are users already
    #[arg(long, conflicts_with_all = ["users", "posts", "follows_per_user", "sessions", "tokens"])]
    pub sample: bool,
    /// Also load a database on another machine; with a random password
    #[arg(long)]
    pub yes: bool,
}

impl SeedArguments {
    /// The request.
    pub(super) fn plan(&self, now: DateTime<Utc>) -> anyhow::Result<Plan> {
        if self.sample {
            return Plan::sample(self.seed, self.until, now);
        }
        let Self { users, posts, follows_per_user, sessions, seed, until, .. } = *self;
        Plan::new(&Request { users, posts, follows_per_user, sessions, seed, until }, now)
    }
}
