//! What a run came to, for people and for machines.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    time::Duration,
};

use serde::Serialize;

use crate::{
    verdict::{Buckets, Verdict},
    workload::{Aftermath, Tally},
};

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it was drawn from.
    pub seed: u64,
    /// Of each replica.
    pub modes: Vec<String>,
    /// Verdicts drawn.
    pub rounds: u64,
    /// How long there were clients.
    #[serde(rename = "driven_seconds", serialize_with = "as_seconds")]
    pub driven: Duration,
    /// Calls that were to write.
    pub writes: u64,
    /// Answers by status, with and without a fault; 0 is none.
    pub tally: Tally,
    /// How many of each kind.
    pub faults: BTreeMap<String, u64>,
    /// Faults that went on all the time.
    pub steady: Vec<&'static str>,
    /// What is wrong.
    pub verdict: Verdict,
    /// Why it ended early, without a verdict on its last round.
    pub cut_short: Option<String>,
}

impl Report {
    /// An empty one.
    #[must_use]
    pub fn new(seed: u64, modes: Vec<String>) -> Self {
        Self {
            seed,
            modes,
            rounds: 0,
            driven: Duration::ZERO,
            writes: 0,
            tally: Tally::default(),
            faults: BTreeMap::new(),
            steady: Vec::new(),
            verdict: Verdict::default(),
            cut_short: None,
        }
    }
}

fn as_seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { seed, modes, rounds, driven, writes, tally, faults, steady, verdict, cut_short } = self;
        let seconds = driven.as_secs_f64().max(0.001);
        let calls = tally.calls();
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = calls as f64 / seconds;
        writeln!(out, "seed {seed}, CACHE_MODE {}, {seconds:.0} s in {rounds} rounds", modes.join(", "))?;
        writeln!(out, "calls     {calls}, {rate:.0}/s; {writes} of them writes; {} facts judged", verdict.facts)?;
        writeln!(out, "answers   {}", statuses(&tally.calm))?;
        writeln!(out, "  faulty  {}", statuses(&tally.faulty))?;
        let faults: Vec<String> = faults.iter().map(|(name, count)| format!("{count} {name}")).collect();
        writeln!(out, "faults    {}; all the time: {}", faults.join(", "), steady.join(", "))?;
        writeln!(out, "late, as is promised     {}", buckets(&verdict.excused))?;
        writeln!(out, "late, and must not be    {}", buckets(&verdict.late))?;
        writeln!(out, "went back while a write was unanswered (not promised): {}", verdict.went_back_unanswered)?;
        let failures = Tally::failures(&tally.calm);
        if failures > 0 {
            let after: Vec<String> = tally.aftermath.iter().map(aftermath).collect();
            writeln!(out, "{failures} answers of 5xx while no fault was on: {}", after.join(", "))?;
        }
        for violation in &verdict.violations {
            writeln!(out, "\n{}: {}", violation.kind.as_str(), violation.evidence.trim_end())?;
        }
        writeln!(out)?;
        for (kind, count) in &verdict.counts {
            writeln!(out, "{count} times: {}", kind.as_str())?;
        }
        if verdict.is_clean() {
            writeln!(out, "No violation.")?;
        }
        if let Some(why) = cut_short {
            writeln!(out, "Cut short, and the last round not judged: {why}")?;
        }
        Ok(())
    }
}

/// `12 after cut-postgres (within 0.250000 s)`.
fn aftermath((fault, aftermath): (&String, &Aftermath)) -> String {
    format!("{} after {fault} (within {} s)", aftermath.failures, crate::time::seconds(aftermath.longest_us))
}

fn statuses(counts: &BTreeMap<u16, u64>) -> String {
    let name = |status: u16| if status == 0 { "none".to_owned() } else { status.to_string() };
    let parts: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {}", name(*status))).collect();
    parts.join(", ")
}

fn buckets(buckets: &Buckets) -> String {
    let names = ["<=1ms", "<=5ms", "<=20ms", "<=100ms", "<=1s", ">1s"];
    let parts: Vec<String> = names.iter().zip(buckets.counts).map(|(name, count)| format!("{name}: {count}")).collect();
    let worst = Duration::from_micros(buckets.worst_us);
    format!("{}; worst {:.1} ms", parts.join(", "), worst.as_secs_f64() * 1e3)
}
