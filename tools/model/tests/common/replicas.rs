//! Searches of what lies around the cell protocol.

use aside_model::explore::{Outcome, Report, Trace};
use aside_model::replicas::bounds::{Bounds, Fault, Faults, Reads};
use aside_model::replicas::property::Promise;
use aside_model::replicas::steps::Setting;
use aside_model::replicas::variants::Variant;

use super::explore_and_tell;

/// Near reads and writers of ours, nothing else, and nothing that ends by itself.
pub(crate) const NEAR: Bounds = Bounds { relays: 0, expiry: false, ..Bounds::SMALL };
/// Reads from Redis, writers of ours, a relay, another program, and nothing that ends by itself.
pub(crate) const RELAYED: Bounds = Bounds { reads: Reads::Redis, programs: 1, expiry: false, ..Bounds::SMALL };

/// Searches, and prints how much there was to search.
pub(crate) fn search(variant: Variant, promise: Promise, bounds: Bounds) -> Report<Setting> {
    let name = format!("{variant:?}, {promise:?}, {:?}, {} faults", bounds.reads, bounds.faults);
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

/// Asserts that within these bounds reads become stale with exactly these faults, and with no fewer of any kind. Gives a
/// shortest trace.
pub(crate) fn assert_stale_with(
    variant: Variant,
    promise: Promise,
    faults: &[Fault],
    bounds: Bounds,
) -> Trace<Setting> {
    let count = u8::try_from(faults.len()).expect("a few");
    if let Some(fewer) = count.checked_sub(1) {
        assert_holds(variant, promise, Bounds { faults: fewer, ..bounds });
    }
    let report = search(variant, promise, Bounds { faults: count, kinds: Faults::only(faults), ..bounds });
    match report.outcome {
        Outcome::Broken(trace) => trace,
        other => panic!("{variant:?} should break {promise:?} with {faults:?}, but: {other:?}"),
    }
}
