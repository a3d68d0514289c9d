//! What was measured: kept as JSON, and the source of the page and the table.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::{arguments::Arguments, html, statistics::Spread};

/// A whole run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// When it began.
    pub(crate) began: DateTime<Utc>,
    /// What made it.
    pub(crate) command: String,
    /// On what.
    pub(crate) machine: Machine,
    /// Each scenario, in the order in which it was measured.
    pub(crate) scenarios: Vec<Measured>,
}

/// The machine that everything ran on: servers, Postgres, Redis and the load.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) system: String,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) what: String,
    /// How the load was made: "closed loop", "open loop", "burst".
    pub(crate) load: &'static str,
    /// Of the figures: "answers/s", "us".
    pub(crate) unit: &'static str,
    /// What ratios are taken to; the first row's name.
    pub(crate) rows: Vec<Row>,
    /// Further figures, by name.
    pub(crate) notes: Vec<(String, String)>,
}

/// One contestant in one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// One for each round.
    pub(crate) rounds: Vec<f64>,
    pub(crate) median: f64,
    /// To the first row, round by round.
    pub(crate) ratio: Option<Spread>,
}

impl Measured {
    pub(crate) fn new(name: &str, what: &str, load: &'static str, unit: &'static str) -> Self {
        Self { name: name.into(), what: what.into(), load, unit, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a contestant; the first is what the others are held against.
    pub(crate) fn add(&mut self, name: &str, rounds: Vec<f64>) {
        let first = self.rows.first().map_or(&rounds, |first| &first.rounds);
        let ratio = Spread::of_ratios(&rounds, first);
        let median = Spread::of(&rounds).map_or(0.0, |spread| spread.median);
        self.rows.push(Row { name: name.into(), rounds, median, ratio });
    }

    /// Adds a figure.
    pub(crate) fn note(&mut self, name: &str, figure: impl Into<String>) {
        self.notes.push((name.into(), figure.into()));
    }
}

impl Report {
    /// Nothing is measured yet.
    pub(crate) fn begin(arguments: &Arguments) -> Self {
        Self { began: Utc::now(), command: arguments.as_typed(), machine: Machine::this(), scenarios: Vec::new() }
    }

    /// Writes both files; gives where they are.
    pub(crate) fn write(&self, folder: &Path) -> Result<(PathBuf, PathBuf)> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let name = self.began.format("%Y%m%d-%H%M%S").to_string();
        let (json, page) = (folder.join(format!("{name}.json")), folder.join(format!("{name}.html")));
        std::fs::write(&json, serde_json::to_string_pretty(self)?)?;
        std::fs::write(&page, html::page(self)?)?;
        if let Some(home) = self.scenarios.first() {
            std::fs::write(folder.join(format!("{name}.svg")), html::bars(home)?)?;
        }
        Ok((json, page))
    }

    /// When and where, in a line.
    pub(crate) fn circumstances(&self) -> String {
        let Machine { processor, cores, memory, system } = &self.machine;
        let began = self.began.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!(
            "{began}, {cores} cores of {processor}, {memory}, {system}; servers, Postgres, Redis and the load together; {}",
            self.command
        )
    }
}

impl Machine {
    fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let value = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.split_once(':').map(|(_, value)| value.trim().to_owned()));
            value.unwrap_or_else(|| "unknown".to_owned())
        };
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory: field(&read("/proc/meminfo"), "MemTotal"),
            system: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim()),
        }
    }
}
