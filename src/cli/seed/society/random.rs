//! Reproducible randomness: the draws of a row depend only on the seed, the purpose and the row's number. So rows can be made in
//! any order, and the draws of one row do not shift those of another.
//!
//! `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014), written out here: the generators of `rand` may give other numbers in
//! its next version, and these numbers are a promise. Nothing secret comes from here.

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is drawn; each purpose has a stream of its own.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli::seed) enum Purpose {
    /// When a user registered, and the random part of the id.
    Registration = 1,
    /// A user's name and bio.
    Profile,
    /// The author, time and text of a post.
    Post,
    /// The followees of a user, and the times.
    Follows,
    /// Which users are popular.
    Fame,
    /// Which users follow many.
    Curiosity,
    /// Which names go together.
    Names,
    /// The users with sessions.
    Sessions,
}

/// The stream of draws for one row.
#[derive(Clone, Debug)]
pub(in crate::cli::seed) struct Random {
    state: u64,
}

impl Random {
    /// The draws of row `index` for this purpose.
    pub(in crate::cli::seed) fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let stream = mix(seed.wrapping_add((purpose as u64).wrapping_mul(GOLDEN_GAMMA)));
        Self { state: mix(stream ^ index) }
    }

    /// 64 random bits.
    pub(in crate::cli::seed) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        mix(self.state)
    }

    /// From 0 up to, and without, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    pub(in crate::cli::seed) fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 up to, and without, `bound`, which must not be 0. Off by less than one in 2^32 for the bounds used here.
    pub(in crate::cli::seed) fn below(&mut self, bound: u64) -> u64 {
        let scaled = (u128::from(self.bits()) * u128::from(bound)) >> 64;
        u64::try_from(scaled).expect("a product of two 64-bit numbers has 64 high bits")
    }
}

/// Spreads every bit of `bits` over all of the result; no two inputs give the same.
pub(super) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        let mut random = Random { state: 1_234_567 };

        // The reference implementation's first numbers for this state.
        assert_eq!([random.bits(), random.bits()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn rows_and_purposes_draw_differently() {
        let first = |purpose, index| Random::new(1, purpose, index).bits();

        assert_eq!(first(Purpose::Post, 1), first(Purpose::Post, 1));
        assert_ne!(first(Purpose::Post, 1), first(Purpose::Post, 2));
        assert_ne!(first(Purpose::Post, 1), first(Purpose::Follows, 1));
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut random = Random::new(1, Purpose::Post, 0);

        for bound in 1..1_000 {
            assert!(random.below(bound) < bound);
            assert!((0.0..1.0).contains(&random.fraction()));
        }
    }
}
