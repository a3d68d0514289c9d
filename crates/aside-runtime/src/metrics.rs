//! Histograms of durations, alike in all crates.

use std::time::Duration;

use prometheus_client::metrics::{
    family::{Family, MetricConstructor},
    histogram::Histogram,
};

/// From 50 microseconds to 10 seconds: both a reply of Redis and a request that runs into its deadline are inside.
const SECONDS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// A histogram of durations, in seconds.
#[must_use]
pub fn duration_histogram() -> Histogram {
    Histogram::new(SECONDS)
}

/// Makes histograms of durations; a named type, so that [`DurationFamily`] has one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        duration_histogram()
    }
}

/// A histogram of durations for each set of labels.
pub type DurationFamily<L> = Family<L, Histogram, Seconds>;

/// Observing a duration as histograms take it.
pub trait ObserveDuration {
    /// Counts one duration, in seconds.
    fn observe_duration(&self, duration: Duration);
}

impl ObserveDuration for Histogram {
    fn observe_duration(&self, duration: Duration) {
        self.observe(duration.as_secs_f64());
    }
}
