//! Whose page is asked for: by Zipf's law with exponent 0.99, as YCSB has it (Cooper et al., `SoCC` 2010), or everybody alike.

use anyhow::Result;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rand_distr::{Distribution, Zipf};

/// As YCSB's.
const EXPONENT: f64 = 0.99;
/// The same draws in each run.
const SEED: u64 = 0x0061_7369_6465;

/// How readers are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Zipf,
    Uniform,
}

/// So many draws out of `0..of`.
pub(crate) fn draw(choice: Choice, of: usize, draws: usize) -> Result<Vec<usize>> {
    let mut random = StdRng::seed_from_u64(SEED);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "far below 2^52"
    )]
    let drawn = match choice {
        Choice::Uniform => (0..draws).map(|_| random.random_range(0..of)).collect(),
        Choice::Zipf => {
            let ranks = Zipf::new(of as f64, EXPONENT)?;
            (0..draws).map(|_| (ranks.sample(&mut random) as usize).clamp(1, of) - 1).collect()
        }
    };
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_asked_for_as_often_as_the_law_says() {
        let drawn = draw(Choice::Zipf, 10_000, 200_000).unwrap();
        let share = |rank: usize| drawn.iter().filter(|&&at| at == rank).count();

        // 1 / H(10,000; 0.99) is 0.0977.
        assert!((18_500..20_600).contains(&share(0)), "{}", share(0));
        assert!((share(0) / 3..share(0)).contains(&share(1)), "{}", share(1));
        assert!(drawn.iter().all(|&at| at < 10_000));
    }

    #[test]
    fn everybody_alike_is_everybody_alike() {
        let drawn = draw(Choice::Uniform, 10, 100_000).unwrap();

        for reader in 0..10 {
            let share = drawn.iter().filter(|&&at| at == reader).count();
            assert!((9_000..11_000).contains(&share), "{share}");
        }
    }
}
