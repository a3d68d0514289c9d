//! The same with more and more users.

use anyhow::Result;
use aside_test_bed::Process;

use super::{Context, warming::warm};
use crate::{
    bed::Bed,
    closed_loop::{Load, drive},
    lineup::{Contestant, Lineup},
    metrics::{Metrics, info, resident_bytes},
    report::Measured,
    zipf::Choice,
};

const MIB: f64 = 1_048_576.0;
/// What the most users are measured with, too: room for more of their pages.
const MORE: (&str, &str) = ("CACHE_NEAR_BYTES", "2GiB");

pub(super) async fn measure(context: &Context<'_>) -> Result<Measured> {
    let what = "GET /home by Zipf's law (0.99) over all users of a database, each of whom is signed in; near, warm";
    let mut measured = Measured::new("more users", what, "closed loop", "answers/s");
    let most = context.plan.sizes.iter().max();
    for &users in &context.plan.sizes {
        context.now(&format!("a database of {users} users"));
        let bed = Bed::make(&context.arguments.aside, &context.arguments.database, users, users).await?;
        let lineup = Lineup::new(context.arguments, &bed).await?;
        let near = lineup.aside(Contestant::Near, &[]).await?;
        measure_warm(context, &mut measured, &bed, near, &format!("{users} users")).await?;
        if Some(&users) == most && context.plan.sizes.len() > 1 {
            let name = format!("{users} users, {}={}", MORE.0, MORE.1);
            let near = lineup.aside(Contestant::Near, &[MORE]).await?;
            measure_warm(context, &mut measured, &bed, near, &name).await?;
        }
        bed.database.drop_database().await?;
        context.progress.inc(1);
    }
    Ok(measured)
}

/// Warms a replica, and measures it. Redis is as warm as the one before has left it.
async fn measure_warm(
    context: &Context<'_>,
    measured: &mut Measured,
    bed: &Bed,
    near: Process,
    name: &str,
) -> Result<()> {
    let load = Load { target: "/home".into(), tokens: bed.walk(Choice::Zipf)?, writes: 0 };
    let (wrk, script) = (&context.arguments.wrk, bed.script()?);
    context.now(&format!("{name}: warming"));
    let warmed_for = warm(context, &near, &script, &load, bed.tokens.len(), context.plan.warm_up).await?;
    measured.note(&format!("{name}: warmed"), format!("for {} s", warmed_for.as_secs()));
    let begun = Metrics::of(&near).await?;
    let mut rates = Vec::new();
    for round in 0..context.plan.rounds {
        context.now(&format!("{name}: round {} of {}", round + 1, context.plan.rounds));
        rates.push(drive(wrk, &script, near.address(), &load, context.plan.duration).await?.rate);
    }
    measured.add(name, rates);
    note(context, measured, bed, &near, &begun, name).await?;
    near.probe().until_ready().await;
    Ok(())
}

async fn note(
    context: &Context<'_>,
    measured: &mut Measured,
    bed: &Bed,
    near: &Process,
    begun: &Metrics,
    name: &str,
) -> Result<()> {
    let ended = Metrics::of(near).await?;
    let difference = |name: &str, labels: &[&str]| ended.grown(begun, name, labels);
    let asked = difference("cache_requests_total", &[]);
    let share = |outcome: &str| 100.0 * difference("cache_requests_total", &[outcome]) / asked.max(1.0);
    let pages = difference("http_requests_total", &["route=\"/home\""]);
    let sessions = difference("cache_requests_total", &["entity=\"session\""]);
    // A page that is kept asks for no cell but the session's.
    let made = difference("cache_requests_total", &["entity=\"following\""]);
    let seconds = context.plan.duration.as_secs_f64() * f64::from(u32::try_from(context.plan.rounds)?);
    let text: String = bed.redis.query(&["INFO", "memory"]).await?;
    let keys: f64 = bed.redis.query(&["DBSIZE"]).await?;
    let used = info(&text, "used_memory")?;
    let active = bed.active_readers().await?;
    let mut note = |what: &str, figure: String| measured.note(&format!("{name}: {what}"), figure);
    note("pages that were kept", format!("{:.1} %", 100.0 * (1.0 - made / pages.max(1.0))));
    note(
        "cells, by where they were found",
        format!(
            "near {:.1} %, redis {:.1} %, loaded {:.2} %",
            share("near_hit"),
            share("redis_hit"),
            share("\"miss\"")
        ),
    );
    note("sessions asked for", format!("{sessions:.0}"));
    note("loads from Postgres a second", format!("{:.0}", difference("cache_loads_total", &[]) / seconds));
    note(
        "Redis",
        format!(
            "{:.0} MiB in {keys:.0} keys, {:.0} bytes for each of {active:.0} readers",
            used / MIB,
            used / active.max(1.0)
        ),
    );
    if let Some(resident) = resident_bytes(near) {
        note("resident memory of the service", format!("{:.0} MiB", resident / MIB));
    }
    Ok(())
}
