//! Searches of the cell protocol.

use aside_model::explore::{Outcome, Report, Trace};
use aside_model::fencing::bounds::{Bounds, Fault, Faults};
use aside_model::fencing::property::Promise;
use aside_model::fencing::steps::Setting;
use aside_model::fencing::variants::Variant;
use aside_model::model::Violation;

use super::explore_and_tell;

/// Two readers, two writers, two writes, and nothing that ends by itself: the plainest world, in which a fault that is
/// found owes nothing to luck with a TTL.
pub(crate) const PLAIN: Bounds = Bounds { expiry: false, ..Bounds::SMALL };

/// Searches, and prints how much there was to search.
pub(crate) fn search(variant: Variant, promise: Promise, bounds: Bounds) -> Report<Setting> {
    let name = format!("{variant:?}, {promise:?}, {} faults", bounds.faults);
    explore_and_tell(&name, &Setting { rules: variant.rules(), promise, bounds })
}

/// Asserts that the promise holds in every state, and gives what was seen on the way.
pub(crate) fn assert_holds(variant: Variant, promise: Promise, bounds: Bounds) -> Report<Setting> {
    let report = search(variant, promise, bounds);
    if let Outcome::Broken(trace) = &report.outcome {
        panic!("{variant:?} breaks {promise:?}:\n{trace}");
    }
    report
}

/// Asserts that reads become stale with exactly these faults, and with no fewer of any kind. Gives a shortest trace.
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
