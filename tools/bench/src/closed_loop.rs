//! Throughput: wrk, in a closed loop (each connection sends its next request when it has the last answer).

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// Connections of wrk.
pub(crate) const CONNECTIONS: usize = 32;

/// What is asked for, by whom.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) target: String,
    /// Tokens, one a line.
    pub(crate) tokens: PathBuf,
    /// Every so-and-so-many-th request is a post; 0 for none.
    pub(crate) writes: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Throughput {
    /// Answers a second.
    pub(crate) rate: f64,
    /// How many of the answers were not 2xx.
    pub(crate) other: f64,
}

/// Drives the server at this address.
pub(crate) async fn drive(
    wrk: &Path,
    script: &Path,
    address: &str,
    load: &Load,
    duration: Duration,
) -> Result<Throughput> {
    let mut command = Command::new(wrk);
    command.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{}", duration.as_secs().max(1))]);
    command.arg("-s").arg(script).arg(format!("http://{address}"));
    command.env("TOKENS", &load.tokens).env("TARGET", &load.target).env("WRITES", load.writes.to_string());
    command.env("START", rand::random::<u32>().to_string());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("cannot start {}", wrk.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    parse(&said).with_context(|| format!("wrk says: {}{}", said.trim(), String::from_utf8_lossy(&output.stderr).trim()))
}

fn parse(said: &str) -> Result<Throughput> {
    let line = said.lines().find_map(|line| line.strip_prefix("RESULT ")).context("there is no result")?;
    let number = |name: &str| -> Result<f64> {
        let word = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        Ok(word.with_context(|| format!("there is no {name}"))?.parse()?)
    };
    let (requests, micros) = (number("requests")?, number("micros")?);
    ensure!(requests > 0.0, "nothing was answered");
    ensure!(number("broken")? == 0.0, "connections broke");
    Ok(Throughput { rate: requests / micros * 1e6, other: number("other")? / requests })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_and_what_is_none_is_refused() {
        let seen = parse("Running 2s test\n\nRESULT requests=1000 micros=2000000 other=10 broken=0\n").unwrap();

        assert_eq!(seen, Throughput { rate: 500.0, other: 0.01 });
        assert!(parse("RESULT requests=1000 micros=2000000 other=10 broken=1").is_err());
        assert!(parse("RESULT requests=0 micros=2000000 other=0 broken=0").is_err());
        assert!(parse("unable to connect").is_err());
    }
}
