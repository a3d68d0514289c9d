//! How long to wait before the next attempt to connect.
//!
//! A connection that ends soon after it was made is no success: a server, or an operator, that ends each connection would be asked for
//! another one at once, without end. So only a connection that lived for a while makes the waits short again.

use std::time::Duration;

/// The first wait.
const SHORTEST: Duration = Duration::from_millis(50);
/// The longest wait between attempts that fail: a server that is back is found by then.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// The longest wait after a connection that was made and ended soon.
const LONGEST_AFTER_END: Duration = Duration::from_secs(5);
/// A connection that lived for so long was a success.
pub const LONG_LIFE: Duration = Duration::from_secs(10);

/// Waits that grow.
#[derive(Debug, Default)]
pub struct Backoff {
    last: Duration,
}

impl Backoff {
    /// Whether the last connection was a success, or none was tried yet.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.last.is_zero()
    }

    /// The wait after an attempt that failed.
    pub fn failed(&mut self) -> Duration {
        let longest = LONGEST_AFTER_FAILURE.max(self.last);
        self.grow(longest)
    }

    /// The wait after a connection ended that lived for `life`.
    pub fn ended(&mut self, life: Duration) -> Duration {
        if life >= LONG_LIFE {
            self.last = Duration::ZERO;
            return Duration::ZERO;
        }
        self.grow(LONGEST_AFTER_END)
    }

    /// Drawn at random, since many clients lose one server at the same moment.
    fn grow(&mut self, longest: Duration) -> Duration {
        self.last = (self.last * 2).clamp(SHORTEST, longest);
        self.last.mul_f64(rand::random_range(0.5..1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(waits: impl Iterator<Item = Duration>) -> Duration {
        waits.sum()
    }

    #[test]
    fn connections_that_end_at_once_are_made_more_and_more_seldom() {
        let mut backoff = Backoff::default();

        let first = total((0..7).map(|_| backoff.ended(Duration::ZERO)));
        let later = total((0..7).map(|_| backoff.ended(Duration::from_secs(1))));

        assert!(first >= Duration::from_secs(3) && later >= Duration::from_secs(17), "{first:?}, {later:?}");
    }

    #[test]
    fn a_server_that_is_back_is_found_within_a_second() {
        let mut backoff = Backoff::default();

        let waits: Vec<_> = (0..20).map(|_| backoff.failed()).collect();

        assert!(waits[0] <= SHORTEST && waits.iter().all(|wait| *wait <= LONGEST_AFTER_FAILURE));
    }

    #[test]
    fn a_connection_that_lived_is_replaced_at_once() {
        let mut backoff = Backoff::default();
        backoff.failed();

        assert_eq!(backoff.ended(LONG_LIFE), Duration::ZERO);
        assert!(backoff.is_at_rest());
        assert!(backoff.failed() <= SHORTEST);
    }
}
