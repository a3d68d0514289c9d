//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::Parser;
use url::Url;

use crate::faults::{FaultKind, parse_kinds};

/// Drives replicas of aside over HTTP while things break, and decides exactly whether what they answered was true.
///
/// It starts everything itself: the replicas, a Redis of its own, a proxy on each way between them, and a database of its own
/// on the PostgreSQL of --database-url. Every call is recorded with its interval; after each round, when
/// all is quiet, the verdict is drawn from what was written and what was read. It ends with 0 if nothing is wrong, with 1 and
/// the evidence if something is, with 2 if it could not find out.
#[derive(Clone, Debug, Parser)]
#[command(name = "aside-checker", version, after_help = AFTER_HELP)]
pub struct Arguments {
    /// How long to drive the replicas [default: 60, unless --calls is given]
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Goes on until so many calls were made
    #[arg(long, value_name = "N")]
    pub calls: Option<u64>,
    /// What everything is drawn from [default: a random one, which is printed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Faults: all, none, names between commas, or names with a minus in front to leave out
    #[arg(long, value_name = "LIST", default_value = "all", value_parser = FaultList::parse, allow_hyphen_values = true)]
    pub faults: FaultList,
    /// Replicas
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub replicas: u8,
    /// `CACHE_MODE` of the replicas; of each its own, in turn, between commas
    #[arg(long, value_name = "MODE", default_value = "redis", value_delimiter = ',')]
    pub mode: Vec<String>,
    /// `CACHE_MAX_STALENESS` of the replicas, and what the verdict allows
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = parse_duration)]
    pub max_staleness: Duration,
    /// A further variable of all replicas
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = parse_variable)]
    pub variables: Vec<(String, String)>,
    /// Clients at once
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub clients: u16,
    /// Users at once: fewer are hotter
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub users: usize,
    /// Seconds between two verdicts; what was recorded is dropped after each
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub round: u64,
    /// The binary of the service [default: `aside` beside this one]
    #[arg(long, value_name = "PATH")]
    pub aside: Option<PathBuf>,
    /// The PostgreSQL that gets a database for this run
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Url,
    /// Writes the report as JSON to this file, too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Does not tell of each fault
    #[arg(long)]
    pub quiet: bool,
}

const AFTER_HELP: &str = "Faults: kill-replica, stop-replica, flush, evict, kill-redis, old-snapshot, stop-redis, slow-redis, \
cut-redis, freeze-redis, kill-backends, cut-postgres, slow-postgres, cancel-requests, other-program.\n\
The faults of a seed come at the same times and last as long in every run; what the replicas do meanwhile is up to them.";

/// Which faults there may be.
#[derive(Clone, Debug)]
pub struct FaultList(pub Vec<FaultKind>);

impl FaultList {
    fn parse(text: &str) -> Result<Self, String> {
        parse_kinds(text).map(Self)
    }
}

impl Arguments {
    /// The mode of each replica.
    #[must_use]
    pub fn modes(&self) -> Vec<String> {
        self.mode.iter().cycle().take(usize::from(self.replicas)).cloned().collect()
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text}: expected milliseconds, like 5ms");
    let millis = text.strip_suffix("ms").ok_or_else(wrong)?;
    millis.parse().map(Duration::from_millis).map_err(|_no_number| wrong())
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text}: expected NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn modes_are_given_to_the_replicas_in_turn() {
        let line = ["aside-checker", "--mode", "redis,off", "--replicas", "3", "--database-url", "postgres://x"];
        let arguments = Arguments::parse_from(line);

        assert_eq!(arguments.modes(), ["redis", "off", "redis"]);
    }
}
