//! `Server-Timing` (W3C): where the time went, for whoever opens the developer tools.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

pub(in crate::http) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

const USUAL_LENGTH: usize = 64;

/// `cache;dur=0.2, db;dur=1.9, total;dur=2.4`, in milliseconds.
pub(super) fn value(cache: Duration, db: Duration, total: Duration) -> HeaderValue {
    // In whole tenths of a millisecond, rounded: floating point takes as long to write as all the rest of a hit's fields.
    let mut text = String::with_capacity(USUAL_LENGTH);
    let mut numbers = itoa::Buffer::new();
    for (name, duration) in [("cache;dur=", cache), (", db;dur=", db), (", total;dur=", total)] {
        let tenths = (duration.as_micros() + 50) / 100;
        text.push_str(name);
        text.push_str(numbers.format(tenths / 10));
        text.push('.');
        text.push_str(numbers.format(tenths % 10));
    }
    HeaderValue::from_str(&text).expect("numbers are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_with_one_digit() {
        let value = value(Duration::from_micros(240), Duration::ZERO, Duration::from_millis(1_500));

        assert_eq!(value, "cache;dur=0.2, db;dur=0.0, total;dur=1500.0");
    }
}
