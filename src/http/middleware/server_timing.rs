//! `Server-Timing` (W3C): where the time of a request went, for the developer tools of browsers.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

pub(in crate::http) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// `cache;dur=0.2, db;dur=1.9, total;dur=2.4`, in milliseconds.
pub(super) fn value(cache: Duration, db: Duration, total: Duration) -> HeaderValue {
    let [cache, db, total] = [cache, db, total].map(|duration| duration.as_secs_f64() * 1e3);
    let text = format!("cache;dur={cache:.1}, db;dur={db:.1}, total;dur={total:.1}");
    HeaderValue::try_from(text).expect("numbers are ASCII")
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
