//! The plan of a run's faults.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::kind::FaultKind;
use crate::{
    history::ReplicaNumber,
    time::{Micros, SECOND, micros},
};

/// Of what lasts: short enough to be in the middle of something, long enough to run out of patience.
const LASTS: (Duration, Duration) = (Duration::from_millis(30), Duration::from_millis(2_500));

/// A fault to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it is to begin.
    pub at: Micros,
    /// What.
    pub kind: FaultKind,
    /// Whom it hits, where it hits one replica.
    pub replica: ReplicaNumber,
    /// How long it lasts, where it lasts.
    pub lasts: Duration,
}

/// Draws the faults from `from` to `upto`: the gaps between them are exponential, `gap` long on average; their lengths are
/// spread evenly over the orders of magnitude.
#[must_use]
pub fn schedule(
    seed: u64,
    kinds: &[FaultKind],
    replicas: ReplicaNumber,
    gap: Duration,
    (from, upto): (Micros, Micros),
) -> Vec<Planned> {
    let kinds: Vec<FaultKind> = kinds.iter().copied().filter(|kind| kind.is_event()).collect();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut planned = Vec::new();
    let mut at = from;
    while !kinds.is_empty() {
        // Between 0 and 1, without 0.
        let uniform = 1.0 - rng.random::<f64>();
        at += micros(gap.mul_f64(-uniform.ln())).max(1);
        if at >= upto {
            break;
        }
        let (shortest, longest) = (LASTS.0.as_secs_f64(), LASTS.1.as_secs_f64());
        let lasts = Duration::from_secs_f64(shortest * (longest / shortest).powf(rng.random::<f64>()));
        let kind = kinds[rng.random_range(0..kinds.len())];
        planned.push(Planned { at, kind, replica: rng.random_range(0..replicas), lasts });
    }
    planned
}

/// The average gap for a run of this length: about one a second, and some in the shortest run.
#[must_use]
pub fn usual_gap(length: Micros) -> Duration {
    Duration::from_micros((length / 30).clamp(SECOND / 3, SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_plans_the_same_and_another_one_something_else() {
        let plan = |seed| schedule(seed, &FaultKind::ALL, 3, Duration::from_secs(1), (0, 100 * SECOND));

        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
        assert!(plan(1).len() > 50, "about one a second: {}", plan(1).len());
        assert!(plan(1).iter().all(|fault| fault.kind.is_event()));
    }

    #[test]
    fn faults_are_not_periodic() {
        let plan = schedule(3, &FaultKind::ALL, 3, Duration::from_secs(1), (0, 1_000 * SECOND));
        let gaps: Vec<Micros> = plan.windows(2).map(|two| two[1].at - two[0].at).collect();

        let longer_than = |gap: Micros| gaps.iter().filter(|&&one| one > gap).count() * 100 / gaps.len();

        assert!((20..60).contains(&longer_than(SECOND)), "an exponential law: {}", longer_than(SECOND));
        assert!((5..25).contains(&longer_than(2 * SECOND)), "an exponential law: {}", longer_than(2 * SECOND));
    }

    #[test]
    fn nothing_is_planned_without_kinds() {
        assert_eq!(schedule(1, &[], 3, Duration::from_secs(1), (0, SECOND)), []);
    }
}
