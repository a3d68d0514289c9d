//! What servers say of themselves.

use anyhow::{Context, Result, ensure};
use aside_test_bed::{Connection, Process};

/// The metrics of a replica at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(String);

impl Metrics {
    pub(crate) async fn of(replica: &Process) -> Result<Self> {
        let answer = Connection::open(replica.admin()).await?.ask(&Connection::get("/metrics", None)).await?;
        ensure!(answer.status == 200, "no metrics: {}", answer.head);
        Ok(Self(answer.text()))
    }

    /// The sum of all samples of a name whose labels have all of these in them.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let samples =
            self.0.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        let wanted = samples.filter(|line| labels.iter().all(|label| line.contains(label)));
        wanted.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// By how much that sum has grown since.
    pub(crate) fn grown(&self, since: &Self, name: &str, labels: &[&str]) -> f64 {
        self.sum(name, labels) - since.sum(name, labels)
    }
}

/// Resident memory of a process in bytes, where the system tells (Linux).
pub(crate) fn resident_bytes(process: &Process) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()?)).ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))?;
    kilobytes.trim().parse::<f64>().ok().map(|kilobytes| kilobytes * 1_024.0)
}

/// A number out of `INFO`.
pub(crate) fn info(text: &str, name: &str) -> Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(line.with_context(|| format!("redis does not tell {name}"))?.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_their_labels() {
        let text = "a_total{x=\"1\",y=\"2\"} 3\na_total{x=\"2\"} 4\na_total_other 5\n# a_total 6\nb 7\n";
        let metrics = Metrics(text.to_owned());

        assert_eq!(metrics.sum("a_total", &[]).to_bits(), 7.0_f64.to_bits());
        assert_eq!(metrics.sum("a_total", &["x=\"1\""]).to_bits(), 3.0_f64.to_bits());
        assert_eq!(metrics.sum("b", &[]).to_bits(), 7.0_f64.to_bits());
    }

    #[test]
    fn info_is_read_by_name() {
        assert_eq!(
            info("used_memory:12\r\nused_memory_rss:13\r\n", "used_memory").unwrap().to_bits(),
            12.0_f64.to_bits()
        );
        assert!(info("used_memory:12", "nothing").is_err());
    }
}
