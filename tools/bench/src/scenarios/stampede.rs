//! Everybody asks for one cell at the moment that it is gone.

use std::time::Duration;

use anyhow::Result;
use aside_test_bed::{Burst, Connection, Process, burst, raise_descriptors};

use super::Context;
use crate::{
    bed::Bed,
    lineup::{Contestant, Lineup},
    metrics::Metrics,
    report::Measured,
};

const READERS: usize = 10_000;
/// Sockets that are not readers'.
const OTHERS: u64 = 300;

pub(super) async fn measure(context: &Context<'_>, bed: &Bed, lineup: &Lineup<'_>) -> Result<Measured> {
    let readers = READERS.min(usize::try_from(raise_descriptors()?.saturating_sub(OTHERS))?);
    let what = format!(
        "{readers} connections ask for the most popular user at once, when Redis has just lost it: 99 % of the answers come within"
    );
    let mut measured = Measured::new("a stampede", &what, "burst", "us");
    if readers < READERS {
        measured.note("readers", format!("{readers}: this system allows a process no more sockets (ulimit -Hn)"));
    }
    let limit = lineup.start(Contestant::Limit).await?;
    let connections = (readers + 100).to_string();
    let wide = [("HTTP_MAX_CONNECTIONS", connections.as_str())];
    let near = lineup.aside(Contestant::Near, &wide).await?;
    let request = Connection::get(&format!("/users/{}", bed.somebody().await?), None);

    let (mut of_limit, mut of_copies, mut of_near, mut loads) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..context.plan.rounds {
        context.now(&format!("stampede: round {} of {}", round + 1, context.plan.rounds));
        if let Some(limit) = &limit {
            let seen = burst(limit.address(), &Connection::get("/home", None), readers, async { Ok(()) }).await?;
            of_limit.push(p99_us(&seen));
        }
        Connection::open(near.address()).await?.ask(&request).await?;
        let seen = burst(near.address(), &request, readers, async { Ok(()) }).await?;
        of_copies.push(p99_us(&seen));
        let before = user_loads(&near).await?;
        let seen = burst(near.address(), &request, readers, bed.redis.flush()).await?;
        of_near.push(p99_us(&seen));
        loads.push(user_loads(&near).await? - before);
    }
    measured.add(Contestant::Limit.name(), of_limit);
    measured.add("near, nothing lost", of_copies);
    measured.add(Contestant::Near.name(), of_near);
    let loads: Vec<String> = loads.iter().map(|loads| format!("{loads:.0}")).collect();
    measured.note("loads from Postgres, each round", loads.join(" "));
    Ok(measured)
}

async fn user_loads(replica: &Process) -> Result<f64> {
    Ok(Metrics::of(replica).await?.sum("cache_loads_total", &["entity=\"user\""]))
}

fn p99_us(seen: &Burst) -> f64 {
    let at = (seen.times.len() * 99 / 100).min(seen.times.len().saturating_sub(1));
    seen.times.get(at).map_or(0.0, Duration::as_secs_f64) * 1e6
}
