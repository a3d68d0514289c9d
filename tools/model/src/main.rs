//! The search from the command line, for bounds that a test has no time for. `--help` says how.
//!
//! Ends with 0 if the promise holds, with 1 and a timeline if it does not, with 2 if nothing is known.

#![expect(clippy::print_stdout, reason = "a command prints its answer")]

mod command;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

use aside_model::explore::{Outcome, Progress, Report, Trace, explore};
use aside_model::{fencing, replicas};
use command::{Command, Searchable};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "replicas").is_some() {
        run::<replicas::steps::Setting>(arguments)
    } else {
        run::<fencing::steps::Setting>(arguments)
    }
}

fn run<M: Searchable>(arguments: impl Iterator<Item = String>) -> ExitCode
where
    Trace<M>: Display,
{
    match command::parse::<M>(arguments) {
        Ok((Command::Help, ..)) => {
            print!("{}", command::HELP);
            ExitCode::SUCCESS
        }
        Ok((Command::Table, _, setting)) => table(&setting),
        Ok((Command::Search, variant, setting)) => search(variant, &setting),
        Err(wrong) => {
            eprintln!("{wrong}\n\n{}", command::HELP);
            ExitCode::from(2)
        }
    }
}

fn search<M: Searchable>(variant: M::Variant, setting: &M) -> ExitCode
where
    Trace<M>: Display,
{
    println!("{variant:?}, {}", setting.described());
    let begin = Instant::now();
    let report = explore(setting, |progress| show(progress, begin));
    clear();
    let seconds = begin.elapsed().as_secs_f64();
    let Report { states, transitions, depth, .. } = report;
    println!("{states} states, {transitions} steps, depth {depth}, {seconds:.1} s");
    match report.outcome {
        Outcome::Holds => {
            println!("The promise holds in every one of them.");
            ExitCode::SUCCESS
        }
        Outcome::Broken(trace) => {
            println!("\n{trace}");
            ExitCode::from(1)
        }
        Outcome::GaveUp => {
            println!("Gave up at {} states: nothing is known.", setting.max_states());
            ExitCode::from(2)
        }
    }
}

/// For each variant and promise, the smallest number of faults that breaks it.
fn table<M: Searchable>(setting: &M) -> ExitCode {
    print!("{:<32}", "faults that break it:");
    for promise in M::PROMISES {
        print!("{:>14}", format!("{promise:?}"));
    }
    println!();
    for variant in M::VARIANTS {
        print!("{:<32}", format!("{variant:?}"));
        for promise in M::PROMISES {
            print!("{:>14}", fewest_faults(*variant, *promise, setting));
            let _ = io::stdout().flush();
        }
        println!();
    }
    ExitCode::SUCCESS
}

fn fewest_faults<M: Searchable>(variant: M::Variant, promise: M::Promise, setting: &M) -> String {
    for faults in 0..=setting.faults() {
        match explore(&setting.of(variant, promise, faults), |_| ()).outcome {
            Outcome::Broken(trace) => return format!("{faults} {:?}", trace.violation),
            Outcome::GaveUp => return "?".to_owned(),
            Outcome::Holds => {}
        }
    }
    "-".to_owned()
}

/// A line that is written over again and again, if somebody is looking.
fn show(Progress { states, done, depth }: Progress, begin: Instant) {
    if io::stderr().is_terminal() {
        let rate = done as u128 * 1000 / begin.elapsed().as_millis().max(1);
        let waiting = states - done;
        eprint!("\r{states:>11} states, {waiting:>10} not yet gone on from, depth {depth:>3}, {rate:>9}/s ");
    }
}

fn clear() {
    if io::stderr().is_terminal() {
        eprint!("\r{:90}\r", "");
    }
}
