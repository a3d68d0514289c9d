//! Early expiration: how long values live, and from when on they are refreshed. Only numbers in, only numbers out.
//!
//! ```text
//!   filled                                          due      soft end              hard end (the key's TTL)
//!     ├──────────────── served ──────────────────────┼───────────┼───── served ───────┤ absent
//!                                                    └ the first reader whose draw says so refreshes
//! ```
//!
//! XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Protocol Stampede Prevention, VLDB 2015): each reader draws
//! a random number `u`, and refreshes when `now - cost · β · ln(u) >= soft end`. The longer a load takes, the earlier its refresh
//! begins. The busier an entry is, the likelier an early draw. Readers need not agree. Past the soft end every draw refreshes. A
//! value is right until a fence replaces it, however old it is: the hard end bounds memory, the lag of the front page, and how
//! long entries are served while Postgres is away.

use std::time::Duration;

/// The paper's β: above 1 refreshes earlier, below 1 later. 1 is what it shows to be nearly optimal.
const BETA: f64 = 1.0;

/// Lives are shortened at random by up to this part, so that entries that were filled together do not run out together.
const JITTER: f64 = 0.1;

/// Which part of the hard life is over at the soft end, in quarters. The last quarter (at least thirteen minutes of an hour) is
/// time for many refreshes, and how long values are served without Postgres.
const SOFT_QUARTERS: i64 = 3;

/// How long a value may live, in milliseconds from the end of its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Until it is gone: the key's TTL. Not above zero for a value that may not be stored at all.
    pub(crate) hard_ms: i64,
    /// Until every reader refreshes it. Never above `hard_ms`.
    pub(crate) soft_ms: i64,
}

impl Life {
    /// Of a value that lives for `ttl` at most, counted from the start of its load, which took `cost`, and not longer than
    /// `ends_in_ms`. `uniform`, of `[0, 1)`, draws the jitter.
    pub(crate) fn new(ttl: Duration, cost: Duration, uniform: f64, ends_in_ms: Option<i64>) -> Self {
        let jittered = ttl.mul_f64(1.0 - JITTER * uniform).saturating_sub(cost);
        let hard_ms = i64::try_from(jittered.as_millis()).unwrap_or(i64::MAX);
        let hard_ms = ends_in_ms.map_or(hard_ms, |end| hard_ms.min(end));
        Self { hard_ms, soft_ms: hard_ms / 4 * SOFT_QUARTERS }
    }
}

/// The moment from which on a reader that drew `uniform`, of `(0, 1]`, refreshes a value, in milliseconds since the
/// epoch; never after the soft end.
pub(crate) fn due_ms(soft_expiry_ms: i64, cost_us: u32, uniform: f64) -> i64 {
    let early = Duration::from_micros(cost_us.into()).mul_f64(-BETA * uniform.ln());
    soft_expiry_ms.saturating_sub(i64::try_from(early.as_millis()).unwrap_or(i64::MAX))
}

/// A draw for [`due_ms`].
pub(crate) fn draw() -> f64 {
    1.0 - rand::random::<f64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    const SOFT_END: i64 = 1_800_000_000_000;

    proptest! {
        #[test]
        fn no_value_is_due_after_its_soft_end(cost_us: u32, uniform in f64::MIN_POSITIVE..=1.0) {
            prop_assert!(due_ms(SOFT_END, cost_us, uniform) <= SOFT_END);
        }

        #[test]
        fn a_value_whose_load_took_longer_is_due_earlier(cost_us in 0..u32::MAX / 2, uniform in 0.000_1..=1.0) {
            prop_assert!(due_ms(SOFT_END, cost_us * 2, uniform) <= due_ms(SOFT_END, cost_us, uniform));
        }

        #[test]
        fn no_life_is_longer_than_its_bounds(
            ttl_ms in 0..1_000_000_u32,
            cost_ms in 0..10_000_u32,
            uniform in 0.0..1.0,
            ends_in_ms in prop::option::of(-1_000..1_000_000_i64),
        ) {
            let [ttl, cost] = [ttl_ms, cost_ms].map(|millis| Duration::from_millis(millis.into()));

            let life = Life::new(ttl, cost, uniform, ends_in_ms);

            prop_assert!(life.hard_ms <= i64::from(ttl_ms.saturating_sub(cost_ms)));
            prop_assert!(ends_in_ms.is_none_or(|end| life.hard_ms <= end));
            prop_assert!(life.soft_ms <= life.hard_ms.max(0));
        }
    }

    /// `P(due t before the soft end) = exp(-t / (cost · β))`, which is what the paper's formula says.
    #[test]
    fn early_refreshes_are_distributed_as_in_the_paper() {
        let mut random = StdRng::seed_from_u64(2015);
        let cost_us = 100_000;
        let draws = 100_000;

        let earliness: Vec<i64> =
            (0..draws).map(|_| SOFT_END - due_ms(SOFT_END, cost_us, 1.0 - random.random::<f64>())).collect();

        for (before_ms, expected) in [(0, 100_000), (50, 60_653), (100, 36_788), (200, 13_534), (500, 674)] {
            let due = earliness.iter().filter(|&&early_ms| early_ms >= before_ms).count();
            assert!(due.abs_diff(expected) < 600, "{before_ms} ms before: {due}, not {expected}");
        }
    }

    #[test]
    fn three_quarters_of_a_life_are_over_at_its_soft_end_and_jitter_shortens_it() {
        let minutes = |minutes| Duration::from_mins(minutes);

        assert_eq!(Life::new(minutes(10), Duration::ZERO, 0.0, None), Life { hard_ms: 600_000, soft_ms: 450_000 });
        assert_eq!(Life::new(minutes(10), Duration::ZERO, 0.5, None), Life { hard_ms: 570_000, soft_ms: 427_500 });
        assert_eq!(Life::new(minutes(10), minutes(1), 0.0, None), Life { hard_ms: 540_000, soft_ms: 405_000 });
        assert_eq!(Life::new(minutes(10), Duration::ZERO, 0.0, Some(8_000)), Life { hard_ms: 8_000, soft_ms: 6_000 });
    }
}
