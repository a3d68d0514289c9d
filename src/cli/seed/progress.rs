//! Progress of a load: a bar for each phase on a terminal, and a line at its end.

use std::{
    io::{self, Write},
    time::Instant,
};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

const ROWS: &str = "{prefix:9} {wide_bar} {human_pos}/{human_len} rows  {per_sec}  ETA {eta}";
const STEPS: &str = "{prefix:9} {wide_bar} {pos}/{len}  {msg}";

/// Makes the phases of one load.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// On standard error: the report goes to standard output.
    Shown,
    /// Hidden; for tests.
    Hidden,
}

/// A running phase.
#[derive(Debug)]
pub(super) struct Phase {
    bar: ProgressBar,
    name: &'static str,
    unit: &'static str,
    shown: bool,
    started: Instant,
}

impl Progress {
    /// A phase that loads rows.
    pub(super) fn rows(self, name: &'static str, rows: u64) -> Phase {
        self.phase(name, "rows", rows, ROWS)
    }

    /// A phase with a number of steps.
    pub(super) fn steps(self, name: &'static str, steps: usize) -> Phase {
        self.phase(name, "steps", steps as u64, STEPS)
    }

    fn phase(self, name: &'static str, unit: &'static str, length: u64, template: &str) -> Phase {
        let shown = matches!(self, Self::Shown);
        // Draws on standard error, and only if that is a terminal.
        let bar = if shown { ProgressBar::new(length) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well-formed"));
        bar.set_prefix(name);
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Phase { bar, name, unit, shown, started: Instant::now() }
    }
}

impl Phase {
    /// Adds to the progress.
    pub(super) fn add(&self, by: u64) {
        self.bar.inc(by);
    }

    /// Names the current step.
    pub(super) fn name_step(&self, name: &str) {
        self.bar.set_message(name.to_owned());
    }

    /// Ends the phase: a line replaces its bar.
    pub(super) fn finish(self) {
        let (done, seconds) = (self.bar.position(), self.started.elapsed().as_secs_f64());
        self.bar.finish_and_clear();
        if !self.shown {
            return;
        }
        let rate = if self.unit == "rows" { format!(", {} rows/s", per_second(done, seconds)) } else { String::new() };
        let line = format!("{:9} {} {} in {seconds:.1} s{rate}\n", self.name, HumanCount(done), self.unit);
        // Standard error may be closed: the load goes on.
        let _may_be_closed = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// A rate, readable.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "for people")]
pub(super) fn per_second(count: u64, seconds: f64) -> HumanCount {
    HumanCount((count as f64 / seconds.max(0.001)) as u64)
}
