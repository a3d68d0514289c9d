//! Searching, and saying what it was expected to find.

#![allow(dead_code, reason = "not every test file uses all of it")]
#![allow(clippy::print_stdout, reason = "the size of a search is told")]

pub(crate) mod fencing;
pub(crate) mod replicas;

use std::fmt::Display;
use std::time::Instant;

use aside_model::explore::{Outcome, Report, Trace, explore};
use aside_model::model::Model;

/// Searches, and prints how much there was to search.
fn explore_and_tell<M: Model>(name: &str, model: &M) -> Report<M> {
    let begin = Instant::now();
    let report = explore(model, |_| ());
    let Report { states, transitions, depth, .. } = report;
    let outcome = match &report.outcome {
        Outcome::Holds => "holds".to_owned(),
        Outcome::Broken(trace) => format!("{:?} in {} steps", trace.violation, trace.steps.len()),
        Outcome::GaveUp => panic!("the bound on states is too low for this test"),
    };
    let ms = begin.elapsed().as_millis();
    println!("{name}: {outcome}; {states} states, {transitions} steps, depth {depth}, {ms} ms");
    report
}

/// Asserts that these steps come in the trace, in this order, with others between them.
pub(crate) fn assert_order<M: Model>(trace: &Trace<M>, wanted: &[M::What])
where
    Trace<M>: Display,
{
    let mut steps = trace.steps.iter();
    for what in wanted {
        let found = steps.any(|(event, _)| event.what == *what);
        assert!(found, "{what:?} does not come, or not in its place, in\n{trace}");
    }
}
