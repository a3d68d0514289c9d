//! Searching, and saying what it was expected to find.

#![allow(clippy::print_stdout, reason = "the size of a search is told")]

use std::time::Instant;

use aside_search::explore::{Outcome, Report, Trace, explore};
use aside_search::fencing::bounds::{Bounds, Fault, Faults};
use aside_search::fencing::event::What;
use aside_search::fencing::property::Promise;
use aside_search::fencing::steps::Setting;
use aside_search::fencing::variants::Variant;
use aside_search::model::Violation;

/// Two readers, two writers, two writes, and nothing that ends by itself: the plainest world, in which a fault that is
/// found owes nothing to luck with a TTL.
pub(crate) const PLAIN: Bounds = Bounds { expiry: false, ..Bounds::SMALL };

/// Searches, and prints how much there was to search.
pub(crate) fn search(variant: Variant, promise: Promise, bounds: Bounds) -> Report<Setting> {
    let begin = Instant::now();
    let report = explore(&Setting { rules: variant.rules(), promise, bounds }, |_| ());
    let Report { states, transitions, depth, .. } = report;
    let outcome = match &report.outcome {
        Outcome::Holds => "holds".to_owned(),
        Outcome::Broken(trace) => format!("{:?} in {} steps", trace.violation, trace.steps.len()),
        Outcome::GaveUp => panic!("the bound on states is too low for this test"),
    };
    let (faults, ms) = (bounds.faults, begin.elapsed().as_millis());
    println!(
        "{variant:?}, {promise:?}, {faults} faults: {outcome}; \
         {states} states, {transitions} steps, depth {depth}, {ms} ms"
    );
    report
}

/// Asserts that the promise holds in every state, and gives what was seen on the way.
#[allow(dead_code, reason = "not every test file has something that holds")]
pub(crate) fn assert_holds(variant: Variant, promise: Promise, bounds: Bounds) -> Report<Setting> {
    let report = search(variant, promise, bounds);
    if let Outcome::Broken(trace) = &report.outcome {
        panic!("{variant:?} breaks {promise:?}:\n{trace}");
    }
    report
}

/// Asserts that reads become stale with exactly these faults, and with no fewer of any kind. Gives a shortest trace.
#[allow(dead_code, reason = "not every test file has something that breaks")]
pub(crate) fn assert_stale_with(variant: Variant, promise: Promise, faults: &[Fault]) -> Trace<Setting> {
    let count = u8::try_from(faults.len()).expect("a few");
    if let Some(fewer) = count.checked_sub(1) {
        assert_holds(variant, promise, Bounds { faults: fewer, ..PLAIN });
    }
    let kinds = Faults::only(faults);
    let report = search(variant, promise, Bounds { faults: count, kinds, ..PLAIN });
    match report.outcome {
        Outcome::Broken(trace) if trace.violation == Violation::Stale => trace,
        other => panic!("{variant:?} should break {promise:?} with {faults:?}, but: {other:?}"),
    }
}

/// Asserts that these steps come in the trace, in this order, with others between them.
#[allow(dead_code, reason = "not every test file looks into traces")]
pub(crate) fn assert_order(trace: &Trace<Setting>, wanted: &[What]) {
    let mut steps = trace.steps.iter();
    for what in wanted {
        let found = steps.any(|(event, _)| event.what == *what);
        assert!(found, "{what:?} does not come, or not in its place, in\n{trace}");
    }
}
