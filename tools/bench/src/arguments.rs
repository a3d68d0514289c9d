//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use url::Url;

/// Measures aside on this machine, and writes a report.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Arguments {
    /// The binary `aside`
    #[arg(long, value_name = "FILE")]
    pub(crate) aside: PathBuf,
    /// The binary `bare`, of this package
    #[arg(long, value_name = "FILE")]
    pub(crate) bare: PathBuf,
    /// The load generator
    #[arg(long, value_name = "FILE")]
    pub(crate) wrk: PathBuf,
    /// The article's code, with what it needs installed; without it that is left out
    #[arg(long, value_name = "FOLDER")]
    pub(crate) article: Option<PathBuf>,
    /// The server that gets databases for the run
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database: Url,
    /// Where the report goes
    #[arg(long, value_name = "FOLDER", default_value = "bench-results")]
    pub(crate) results: PathBuf,
    /// In under three minutes: a small data set, few and short rounds, the main scenarios
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these [default: all; with --quick the main ones]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) scenarios: Vec<Scenario>,
    /// Rounds of each scenario [default: 4; with --quick 2]
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<usize>,
    /// Seconds of each measurement [default: 4; with --quick 1]
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u64>,
    /// Users of the scenario `scale` [default: 10000,100000,1000000]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(crate) users: Vec<u32>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// `GET /home` of people who are signed in, by Zipf's law
    Home,
    /// The same, of everybody alike
    Uniform,
    /// `GET /home` of nobody
    Anonymous,
    /// `GET /users/{id}`
    User,
    /// `GET /home` with 5 % of `POST /posts`
    Writes,
    /// How long `GET /home` takes at half load
    Latency,
    /// What a log line for each request costs
    Log,
    /// One client over its quota
    Flood,
    /// 10,000 readers of one cell at the moment that it is gone
    Stampede,
    /// Redis loses everything at full load
    Flush,
    /// 10,000, 100,000 and a million users
    Scale,
}

impl Scenario {
    /// Those of a quick run.
    const MAIN: [Self; 6] = [Self::Home, Self::Anonymous, Self::User, Self::Writes, Self::Latency, Self::Flood];
}

impl Arguments {
    /// The command that makes the same run again.
    pub(crate) fn as_typed(&self) -> String {
        let number = |name: &str, number: Option<String>| number.map(|number| format!("--{name} {number}"));
        let names =
            |value: &Scenario| value.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned());
        let scenarios = self.scenarios.iter().map(names).collect::<Vec<_>>().join(",");
        let users = self.users.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let given = [
            number("scenarios", (!scenarios.is_empty()).then_some(scenarios)),
            number("rounds", self.rounds.map(|rounds| rounds.to_string())),
            number("seconds", self.seconds.map(|seconds| seconds.to_string())),
            number("users", (!users.is_empty()).then_some(users)),
        ];
        let given: Vec<String> = given.into_iter().flatten().collect();
        let quick = if self.quick { " QUICK=1" } else { "" };
        let further = if given.is_empty() { String::new() } else { format!(" BENCH=\"{}\"", given.join(" ")) };
        format!("make bench{quick}{further}")
    }

    /// Whether this is to be measured.
    pub(crate) fn wants(&self, scenario: Scenario) -> bool {
        match (self.scenarios.is_empty(), self.quick) {
            (false, _) => self.scenarios.contains(&scenario),
            (true, true) => Scenario::MAIN.contains(&scenario),
            (true, false) => true,
        }
    }
}
