//! Warming: until what a server is asked for is where it will be found.

use std::{path::Path, time::Duration};

use anyhow::Result;
use aside_test_bed::Process;

use super::Context;
use crate::{
    closed_loop::{Load, drive},
    metrics::Metrics,
};

/// It is warm when the last quarter of its steps, and so many at least, needed nearly as many cells of others as the quarter
/// before. A quarter, since with many readers the need falls ever more slowly: of two short spells late enough each is
/// as much as the other. Rates tell less: on a busy machine they vary by more than warming gives.
const LEAST_TO_COMPARE: usize = 3;
/// So many cells of others for each answer are next to none.
const NEXT_TO_NONE: f64 = 0.001;

/// Before each of its readers could have come so often nothing is level: they come for the first time.
const VISITS: f64 = 2.0;

/// Drives a server until it is warm for so many readers, as long as the plan has it; how long that took. One without metrics
/// is warm after the least that there is.
pub(super) async fn warm(
    context: &Context<'_>,
    server: &Process,
    script: &Path,
    load: &Load,
    readers: usize,
    step: Duration,
) -> Result<Duration> {
    let tells = server.admin() != server.address();
    let (least, most) = (context.plan.warm_up, context.plan.longest_warm_up);
    let visits = VISITS * f64::from(u32::try_from(readers)?);
    let (mut needed, mut answered, mut warmed_for) = (Vec::new(), 0.0, Duration::ZERO);
    let is_warm = |needed: &[f64], answered: f64| has_all(needed) || (answered >= visits && is_level(needed));
    while warmed_for < least || (tells && warmed_for < most && !is_warm(&needed, answered)) {
        let begun = if tells { Some(Metrics::of(server).await?) } else { None };
        let driven = drive(&context.arguments.wrk, script, server.address(), load, step).await?;
        if let Some(begun) = begun {
            needed.push(needed_of_others(&begun, &Metrics::of(server).await?));
        }
        answered += driven.rate * step.as_secs_f64();
        warmed_for += step;
    }
    Ok(warmed_for)
}

/// Cells that came from Redis or Postgres, for each answer.
fn needed_of_others(begun: &Metrics, ended: &Metrics) -> f64 {
    let difference = |name: &str, labels: &[&str]| ended.grown(begun, name, labels);
    let of_others = difference("cache_requests_total", &[]) - difference("cache_requests_total", &["near_hit"]);
    of_others / difference("http_requests_total", &[]).max(1.0)
}

/// Whether the last step needed next to nothing.
fn has_all(needed: &[f64]) -> bool {
    needed.last().is_some_and(|last| *last < NEXT_TO_NONE)
}

/// Whether the last steps needed less than those before them by a twentieth at most.
fn is_level(needed: &[f64]) -> bool {
    let compared = LEAST_TO_COMPARE.max(needed.len() / 4);
    let mut lately = needed.rchunks_exact(compared).map(|some| some.iter().sum::<f64>());
    lately.next().zip(lately.next()).is_some_and(|(last, before)| last > before * 0.95)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_level_when_it_needs_no_less() {
        assert!(!is_level(&[]));
        assert!(!is_level(&[1.0; 5]), "too few to tell");
        assert!(is_level(&[1.0; 6]));
        assert!(!is_level(&[9.0, 8.0, 7.0, 6.0, 5.0, 4.0]));
        assert!(is_level(&[20.0, 9.0, 6.0, 6.1, 6.0, 5.9, 6.0, 5.8]));
        assert!(has_all(&[20.0, 0.0005]) && !has_all(&[0.0, 20.0]));
        let ever_more_slowly: Vec<f64> = (1..=50_u8).map(|step| f64::from(step).powf(-0.3)).collect();
        assert!(!is_level(&ever_more_slowly));
    }
}
