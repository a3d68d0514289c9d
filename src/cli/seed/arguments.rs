//! The command line of `aside seed`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, value_parser};

use super::plan::{Plan, Request};

const MAX_USERS: u64 = 100_000_000;
const MAX_POSTS: u64 = 10_000_000_000;

/// Loads made-up users, posts, follows and sessions into an empty database.
///
/// Everything happens in one transaction: after a failure or Ctrl-C the database is as it was. Rows are reproducible: the
/// same numbers, --seed and --until give the same rows, but for sessions and the salt of the password, which are secrets.
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
    /// What the rows are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Everything happened in the two years before this time, like 2026-01-31T12:00:00Z [default: the last full hour; of
    /// the sample the first of January 2026]
    #[arg(long, value_name = "TIME")]
    pub until: Option<DateTime<Utc>>,
    /// A small data set to look around in, always the same; does nothing if there are users already
    #[arg(long, conflicts_with_all = ["users", "posts", "follows_per_user", "sessions", "tokens"])]
    pub sample: bool,
    /// Also into a database that is not on this machine; with a random password
    #[arg(long)]
    pub yes: bool,
}

impl SeedArguments {
    /// What they ask for.
    pub(super) fn plan(&self, now: DateTime<Utc>) -> anyhow::Result<Plan> {
        if self.sample {
            return Plan::sample(self.seed, self.until, now);
        }
        let Self { users, posts, follows_per_user, sessions, seed, until, .. } = *self;
        Plan::new(&Request { users, posts, follows_per_user, sessions, seed, until }, now)
    }
}
