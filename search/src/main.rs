//! The search from the command line, for bounds that a test has no time for. `--help` says how.
//!
//! Ends with 0 if the promise holds, with 1 and a timeline if it does not, with 2 if nothing is known.

#![expect(clippy::print_stdout, reason = "a command prints its answer")]

mod arguments;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

use arguments::{Arguments, Command};
use aside_search::explore::{Outcome, Progress, Report, explore};
use aside_search::fencing::property::Promise;
use aside_search::fencing::steps::Setting;
use aside_search::fencing::variants::Variant;

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)) {
        Ok(Arguments { command: Command::Help, .. }) => {
            print!("{}", arguments::HELP);
            ExitCode::SUCCESS
        }
        Ok(Arguments { command: Command::Table, setting, .. }) => table(&setting),
        Ok(Arguments { command: Command::Search, setting, variant }) => search(variant, &setting),
        Err(wrong) => {
            eprintln!("{wrong}\n\n{}", arguments::HELP);
            ExitCode::from(2)
        }
    }
}

fn search(variant: Variant, setting: &Setting) -> ExitCode {
    println!("{variant:?}, promise {:?}, {:?}", setting.promise, setting.bounds);
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
            println!("Gave up at {} states: nothing is known.", setting.bounds.max_states);
            ExitCode::from(2)
        }
    }
}

/// For each variant and promise, the smallest number of faults that breaks it.
fn table(setting: &Setting) -> ExitCode {
    print!("{:<32}", "faults that break it:");
    for promise in Promise::ALL {
        print!("{:>14}", format!("{promise:?}"));
    }
    println!();
    for variant in Variant::ALL {
        print!("{:<32}", format!("{variant:?}"));
        for promise in Promise::ALL {
            print!("{:>14}", fewest_faults(variant, promise, setting));
            let _ = io::stdout().flush();
        }
        println!();
    }
    ExitCode::SUCCESS
}

fn fewest_faults(variant: Variant, promise: Promise, setting: &Setting) -> String {
    for faults in 0..=setting.bounds.faults {
        let mut setting = Setting { rules: variant.rules(), promise, ..*setting };
        setting.bounds.faults = faults;
        match explore(&setting, |_| ()).outcome {
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
