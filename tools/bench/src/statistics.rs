//! Medians, and ratios of what was measured in the same round.

use serde::Serialize;

/// The middle of several figures, and how far they are apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Some(Self { median, min, max })
    }

    /// Of the ratios round by round: machines drift, and drift for all alike.
    pub(crate) fn of_ratios(figures: &[f64], to: &[f64]) -> Option<Self> {
        let ratios: Vec<f64> = figures.iter().zip(to).filter(|(_, to)| **to > 0.0).map(|(one, to)| one / to).collect();
        Self::of(&ratios)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let spread = Spread::of_ratios(&[50.0, 10.0, 30.0], &[100.0, 20.0, 30.0]).unwrap();

        assert_eq!(spread, Spread { median: 0.5, min: 0.5, max: 1.0 });
    }

    #[test]
    fn the_middle_of_two_is_between_them() {
        assert_eq!(Spread::of(&[3.0, 1.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[]), None);
    }
}
