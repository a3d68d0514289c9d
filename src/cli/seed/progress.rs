//! What the terminal shows during a load: a bar for each phase, and a line when it is over. Where there is no terminal,
//! the lines alone.

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
    /// On standard error: what was asked for goes to standard output.
    Shown,
    /// Nothing is shown; for tests.
    Hidden,
}

/// A phase under way.
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

    /// A phase of some steps, each of which takes a while.
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
    /// So much more is done.
    pub(super) fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    /// What is under way.
    pub(super) fn name_step(&self, name: &str) {
        self.bar.set_message(name.to_owned());
    }

    /// The phase is over: its bar gives way to a line.
    pub(super) fn finish(self) {
        let (done, seconds) = (self.bar.position(), self.started.elapsed().as_secs_f64());
        self.bar.finish_and_clear();
        if !self.shown {
            return;
        }
        let rate = if self.unit == "rows" { format!(", {} rows/s", per_second(done, seconds)) } else { String::new() };
        let line = format!("{:9} {} {} in {seconds:.1} s{rate}\n", self.name, HumanCount(done), self.unit);
        // The terminal may be closed; the load goes on.
        let _nobody_looks = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// A rate, readable.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "for people")]
pub(super) fn per_second(count: u64, seconds: f64) -> HumanCount {
    HumanCount((count as f64 / seconds.max(0.001)) as u64)
}
