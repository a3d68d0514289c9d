//! Times of made-up rows, and the ids that carry them.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::{Builder, Uuid};

/// Microseconds since the Unix epoch: what Postgres keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli::seed) struct Time(pub(in crate::cli::seed) i64);

/// Everything happens within this long before the end.
const LENGTH: TimeDelta = TimeDelta::days(730);

/// The time in which everything happens.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli::seed) struct Period {
    start: i64,
    length: i64,
}

impl Period {
    /// The two years up to a moment.
    pub(in crate::cli::seed) fn until(end: DateTime<Utc>) -> Self {
        let length = LENGTH.num_microseconds().expect("two years are few microseconds");
        Self { start: end.timestamp_micros() - length, length }
    }

    /// The moment at this share of the period: 0 is its start, 1 its end.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "2^46 microseconds fit a double")]
    pub(super) fn at(&self, share: f64) -> Time {
        Time(self.start + (share * self.length as f64) as i64)
    }

    /// The share of the period before a moment.
    #[expect(clippy::cast_precision_loss, reason = "2^46 microseconds fit a double")]
    pub(super) fn share_before(&self, time: Time) -> f64 {
        (time.0 - self.start) as f64 / self.length as f64
    }

    /// The moment at this share of what is left of the period after `start`.
    pub(super) fn between(&self, start: Time, share: f64) -> Time {
        let before = self.share_before(start);
        self.at(before + (1.0 - before) * share).max(start)
    }
}

/// The `UUIDv7` of a time. The twelve bits after the milliseconds carry their fraction (RFC 9562, 6.2, method 3), so that
/// ids and times have the same order within a millisecond too.
pub(super) fn id_at(time: Time, random: u64) -> Uuid {
    let millis = u64::try_from(time.0 / 1_000).expect("times are after 1970");
    let fraction = u16::try_from(time.0 % 1_000 * 4_096 / 1_000).expect("a thousandth of twelve bits");
    let mut counter_and_random = [0; 10];
    counter_and_random[..2].copy_from_slice(&fraction.to_be_bytes());
    counter_and_random[2..].copy_from_slice(&random.to_be_bytes());
    Builder::from_unix_timestamp_millis(millis, &counter_and_random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_7_that_carries_its_time() {
        let id = id_at(Time(1_700_000_000_123_456), u64::MAX);

        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.get_timestamp().unwrap().to_unix(), (1_700_000_000, 123_000_000));
    }

    #[test]
    fn ids_have_the_order_of_their_microseconds() {
        let ids = (0..2_000).map(|micros| id_at(Time(1_700_000_000_000_000 + micros), 7));

        assert!(ids.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn the_rest_of_the_period_begins_at_the_start_and_ends_at_its_end() {
        let end = "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let period = Period::until(end);
        let start = period.at(0.3);

        assert_eq!(period.between(start, 0.0), start);
        assert!(period.between(start, 0.999_999).0 < end.timestamp_micros());
        assert!(period.between(start, 0.999_999) > period.at(0.999));
    }
}
