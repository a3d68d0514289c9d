//! How many others each user follows: a power law with an exact total and a cap.
//!
//! The share of rank `r` is `scale * (r + 1/2) ^ -0.35`, cut at the cap; `scale` is chosen so that the shares add up to the
//! total. Shares are then rounded as they come, each rounding carried on to the next user, so that the numbers add up too.

/// The exponent: of a million users the first follow eighty times as many as the average, most a little fewer.
const EXPONENT: f64 = 0.35;

/// Gives each user a number of follows, one after the other.
#[derive(Clone, Debug)]
pub(in crate::cli::seed) struct Degrees {
    scale: f64,
    /// Ranks below this one are at the cap.
    capped: u64,
    cap: u32,
    /// Sum of the shares so far, and of what was given for them.
    owed: f64,
    given: u64,
}

impl Degrees {
    /// For `users` users who follow `total` others between them, none more than `cap`; `total` is at most `users * cap`.
    #[expect(clippy::cast_precision_loss, reason = "totals are far below 2^53")]
    pub(in crate::cli::seed) fn new(users: u64, total: u64, cap: u32) -> Self {
        let mut weights: f64 = (0..users).map(weight).sum();
        let mut left = total as f64;
        let mut capped = 0;
        // Shares above the cap are cut to the cap, and the others share the rest.
        while capped < users && left / weights * weight(capped) > f64::from(cap) {
            weights -= weight(capped);
            left -= f64::from(cap);
            capped += 1;
        }
        let scale = if capped < users { left / weights } else { 0.0 };
        Self { scale, capped, cap, owed: 0.0, given: 0 }
    }

    /// The number of follows of the next user, who is of this rank. Each rank is to be asked for once, in any order.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sums of shares, which are positive")]
    pub(in crate::cli::seed) fn next(&mut self, rank: u64) -> u32 {
        self.owed += if rank < self.capped { f64::from(self.cap) } else { self.scale * weight(rank) };
        let due = (self.owed.round() as u64).saturating_sub(self.given);
        let number = u32::try_from(due).map_or(self.cap, |due| due.min(self.cap));
        self.given += u64::from(number);
        number
    }
}

#[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^53")]
fn weight(rank: u64) -> f64 {
    (rank as f64 + 0.5).powf(-EXPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::seed::society::{random::Purpose, shuffle::Shuffle};

    fn given(users: u64, total: u64, cap: u32) -> Vec<u32> {
        let shuffle = Shuffle::new(1, Purpose::Curiosity, users);
        let mut degrees = Degrees::new(users, total, cap);
        (0..users).map(|user| degrees.next(shuffle.place(user))).collect()
    }

    #[test]
    fn the_total_is_exact_and_no_user_exceeds_the_cap() {
        for (users, total, cap) in
            [(1, 0, 0), (2, 2, 1), (20, 380, 19), (20, 379, 19), (21, 400, 20), (1_000, 20_000, 200), (5_000, 1, 9)]
        {
            let given = given(users, total, cap);

            assert_eq!(given.iter().copied().map(u64::from).sum::<u64>(), total, "{users} {total} {cap}");
            assert!(given.iter().all(|number| *number <= cap));
        }
    }

    #[test]
    fn some_follow_many_times_the_average_and_most_fewer() {
        let mut given = given(10_000, 200_000, 2_000);
        given.sort_unstable();

        assert!(given[9_999] > 200, "{}", given[9_999]);
        assert!(given[5_000] < 20, "{}", given[5_000]);
    }
}
