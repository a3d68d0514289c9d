//! Redis loses everything at full load.

use std::time::{Duration, Instant};

use anyhow::Result;
use aside_test_bed::Process;
use tokio::time::{interval, sleep};

use super::{Context, warming::warm};
use crate::{
    bed::Bed,
    closed_loop::{Load, drive},
    lineup::{Contestant, Lineup},
    metrics::Metrics,
    report::Measured,
    zipf::Choice,
};

/// At full load before, and after.
const BEFORE: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(30);
/// Of both, what is left out: wrk comes up, and goes.
const EDGES: Duration = Duration::from_secs(1);
const SAMPLE: Duration = Duration::from_millis(500);
/// As fast as before, but for noise.
const BACK: f64 = 0.95;

pub(super) async fn measure(context: &Context<'_>, bed: &Bed, lineup: &Lineup<'_>) -> Result<Measured> {
    let what = "GET /home by Zipf's law at full load, near; after five seconds Redis gets FLUSHALL. Answers a second, half seconds";
    let mut measured = Measured::new("a flush", what, "closed loop", "answers/s");
    let near = lineup.aside(Contestant::Near, &[]).await?;
    let load = Load { target: "/home".into(), tokens: bed.walk(Choice::Zipf)?, writes: 0 };
    let (wrk, script) = (&context.arguments.wrk, bed.script()?);
    context.now("flush: warming near");
    warm(context, &near, &script, &load, bed.tokens.len(), context.plan.step()).await?;

    context.now("flush: full load, FLUSHALL, full load");
    let begun = Metrics::of(&near).await?;
    let driving = drive(wrk, &script, near.address(), &load, BEFORE + AFTER);
    let (seen, rates) = tokio::join!(driving, watch(bed, &near));
    let (before, after) = rates?;
    seen?;
    let ended = Metrics::of(&near).await?;
    let level = before.iter().sum::<f64>() / f64::from(u32::try_from(before.len())?);
    let back = after.iter().rposition(|rate| *rate < level * BACK).map_or(0, |last| last + 1);
    measured.add("before", before);
    measured.add("after", after);
    measured.note(
        "at 95 % of the rate before, for good, after",
        format!("{:.1} s", SAMPLE.as_secs_f64() * f64::from(u32::try_from(back)?)),
    );
    measured.note("loads from Postgres", format!("{:.0}", ended.grown(&begun, "cache_loads_total", &[])));
    measured
        .note("answers with 503", format!("{:.0}", ended.grown(&begun, "http_requests_total", &["status=\"503\""])));
    Ok(measured)
}

/// The rates before and after the flush.
async fn watch(bed: &Bed, near: &Process) -> Result<(Vec<f64>, Vec<f64>)> {
    // wrk has to be up.
    sleep(SAMPLE).await;
    let before = sample(near, BEFORE.saturating_sub(EDGES)).await?;
    bed.redis.flush().await?;
    Ok((before, sample(near, AFTER.saturating_sub(EDGES)).await?))
}

async fn sample(near: &Process, duration: Duration) -> Result<Vec<f64>> {
    let answered = async || anyhow::Ok(Metrics::of(near).await?.sum("http_requests_total", &[]));
    let (started, mut ticks, mut rates) = (Instant::now(), interval(SAMPLE), Vec::new());
    ticks.tick().await;
    let (mut last, mut last_at) = (answered().await?, Instant::now());
    while started.elapsed() < duration {
        ticks.tick().await;
        let (now, now_at) = (answered().await?, Instant::now());
        rates.push((now - last) / (now_at - last_at).as_secs_f64());
        (last, last_at) = (now, now_at);
    }
    Ok(rates)
}
