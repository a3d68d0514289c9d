//! How long an answer takes at half load: all are asked equally often, half as often as `near` can answer this very load.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use aside_test_bed::Connection;

use super::{Context, warming::warm};
use crate::{
    bed::Bed,
    closed_loop,
    lineup::{Contestant, Lineup},
    open_loop,
    report::Measured,
    statistics::Spread,
    zipf::{Choice, draw},
};

/// Different requests, drawn beforehand.
const REQUESTS: usize = 50_000;

pub(super) async fn measure(context: &Context<'_>, bed: &Bed, lineup: &Lineup<'_>) -> Result<Measured> {
    let what = "GET /home by Zipf's law, half as often as near can answer: 99 % of the answers come within";
    let mut measured = Measured::new("latency at half load", what, "open loop", "us");
    let mut servers = Vec::new();
    for contestant in [Contestant::Limit, Contestant::Near5, Contestant::Near] {
        servers.extend(lineup.start(contestant).await?.map(|server| (contestant, server)));
    }
    let load = closed_loop::Load { target: "/home".into(), tokens: bed.walk(Choice::Zipf)?, writes: 0 };
    let script = bed.script()?;
    let drawn = draw(Choice::Zipf, bed.tokens.len(), REQUESTS)?;
    let requests = drawn.into_iter().map(|at| Connection::get("/home", Some(&bed.tokens[at]))).collect::<Vec<_>>();
    let requests = Arc::new(requests);
    for (contestant, server) in &servers {
        context.now(&format!("latency: warming {}", contestant.name()));
        warm(context, server, &script, &load, bed.tokens.len(), context.plan.step()).await?;
    }
    let (_, near) = servers.last().context("near is one of them")?;
    let full_rate = open_loop::full_rate(near.address(), Arc::clone(&requests), context.plan.duration).await?;
    let rate = full_rate / 2.0;

    let mut seen: Vec<Vec<open_loop::LatencyUs>> = servers.iter().map(|_| Vec::new()).collect();
    for round in 0..context.plan.rounds {
        for (at, (contestant, server)) in servers.iter().enumerate() {
            context.now(&format!("latency: round {} of {}, {}", round + 1, context.plan.rounds, contestant.name()));
            seen[at]
                .push(open_loop::drive(server.address(), Arc::clone(&requests), rate, context.plan.duration).await?);
        }
    }
    for ((contestant, _), seen) in servers.iter().zip(&seen) {
        measured.add(contestant.name(), seen.iter().map(|latency| latency.most).collect());
        let middle = |of: fn(&open_loop::LatencyUs) -> f64| {
            Spread::of(&seen.iter().map(of).collect::<Vec<_>>()).map_or(0.0, |spread| spread.median)
        };
        let (half, rare) = (middle(|latency| latency.half), middle(|latency| latency.nearly_all));
        measured.note(contestant.name(), format!("half within {half:.0} us, 99.9 % within {rare:.0} us"));
    }
    measured.note("asked", format!("{rate:.0} times a second, of {full_rate:.0} that near can answer"));
    Ok(measured)
}
