//! Draws ranks by a power law: a few are drawn very often, most hardly ever.
//!
//! The continuous law between 1 and `size + 1`, cut to whole ranks. Turning its distribution function around gives
//! `(1 + u * (reach - 1)) ^ n` for a uniform `u`, with the density `x ^ -(1 - 1/n)`; the exponents are chosen so that `n`
//! is whole. A draw is then a few multiplications, without the tables of an alias method, which at a million users miss
//! the processor's cache at each draw.

use super::random::Random;

/// A power law over the ranks below a size; rank 0 is the most popular.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli::seed) struct PowerLaw {
    size: u64,
    power: i32,
    /// The `power`-th root of the end of the range.
    reach: f64,
}

impl PowerLaw {
    /// The popularity of followees: exponent 3/4 by rank, so that the most popular of a million users has a share of
    /// some 0.8 % of all follows, and the number of users with at least `k` followers falls as `k ^ -4/3`.
    pub(in crate::cli::seed) fn of_followers(size: u64) -> Self {
        Self::new(size, 4)
    }

    /// The activity of authors: exponent 2/3 by rank. Less steep: users can be followed more often than they can post.
    pub(in crate::cli::seed) fn of_posts(size: u64) -> Self {
        Self::new(size, 3)
    }

    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
    fn new(size: u64, power: i32) -> Self {
        Self { size, power, reach: ((size + 1) as f64).powf(1.0 / f64::from(power)) }
    }

    /// A rank below the size.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1 and cut to the size")]
    pub(in crate::cli::seed) fn draw(&self, random: &mut Random) -> u64 {
        let place = (1.0 + random.fraction() * (self.reach - 1.0)).powi(self.power);
        (place as u64 - 1).min(self.size - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::seed::society::random::Purpose;

    fn counts(law: PowerLaw, draws: u64) -> Vec<u64> {
        let mut counts = vec![0; usize::try_from(law.size).unwrap()];
        let mut random = Random::new(1, Purpose::Fame, 0);
        for _ in 0..draws {
            counts[usize::try_from(law.draw(&mut random)).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn a_sixteenth_of_the_rank_is_drawn_eight_times_as_often() {
        let counts = counts(PowerLaw::of_followers(10_000), 1_000_000);

        // There are sixteen times as many ranks around the less popular one, each drawn an eighth as often.
        let around = |rank: usize| counts[rank - rank / 10..rank + rank / 10].iter().sum::<u64>();
        let (popular, others) = (around(100), around(1_600));
        assert!((popular * 18 / 10..popular * 22 / 10).contains(&others), "{popular} {others}");
    }

    #[test]
    fn every_rank_can_be_drawn_and_none_beyond() {
        assert!(counts(PowerLaw::of_posts(50), 100_000).iter().all(|count| *count > 0));
        assert_eq!(counts(PowerLaw::of_posts(1), 10), [10]);
    }
}
