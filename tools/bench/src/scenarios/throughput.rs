//! How much is answered: contestants side by side, round by round, in a closed loop.

use anyhow::{Result, ensure};
use aside_test_bed::Process;

use super::{Context, warming::warm};
use crate::{
    arguments::Scenario,
    bed::Bed,
    closed_loop::{Load, drive},
    lineup::{Contestant, Lineup},
    report::Measured,
    zipf::Choice,
};

use Contestant::{Article, Layers, Limit, Near, Near5, Off, Redis};

/// The scenarios of this kind, and who takes part in each; the first is what the others are held against.
pub(super) const KINDS: [(Scenario, &[Contestant]); 7] = [
    (Scenario::Home, &Contestant::ALL),
    (Scenario::Uniform, &[Limit, Near5, Near]),
    (Scenario::Anonymous, &[Limit, Near5, Near, Redis, Off]),
    (Scenario::User, &[Limit, Near5, Near, Redis, Article, Off]),
    (Scenario::Writes, &[Limit, Near5, Near, Redis, Off]),
    (Scenario::Log, &[Limit, Near]),
    (Scenario::Flood, &[Limit, Near]),
];

/// A server, what it is called and what is asked of it.
struct Entry {
    name: String,
    server: Process,
    load: Load,
    /// Which part of its answers should not be 2xx.
    refused: f64,
    rates: Vec<f64>,
}

pub(super) async fn measure(
    context: &Context<'_>,
    bed: &Bed,
    lineup: &Lineup<'_>,
    scenario: Scenario,
) -> Result<Measured> {
    let mut measured = describe(scenario);
    let mut entries = Vec::new();
    let contestants = KINDS.iter().find(|(kind, _)| *kind == scenario).map_or(&[][..], |(_, contestants)| contestants);
    for &contestant in contestants {
        match lineup.start(contestant).await? {
            Some(server) => entries.push(entry(bed, scenario, contestant, server).await?),
            None => measured.note(contestant.name(), "left out: no node, or npm could not install what it needs"),
        }
    }
    extra(bed, lineup, scenario, &mut entries).await?;

    let (wrk, script) = (&context.arguments.wrk, bed.script()?);
    for entry in &entries {
        context.now(&format!("{}: warming {}", measured.name, entry.name));
        warm(context, &entry.server, &script, &entry.load, bed.tokens.len(), context.plan.step()).await?;
    }
    for round in 0..context.plan.rounds {
        let count = entries.len();
        for place in 0..count {
            // Every other round the other way round.
            let at = if round % 2 == 0 { place } else { count - 1 - place };
            let entry = &mut entries[at];
            context.now(&format!("{}: round {} of {}, {}", measured.name, round + 1, context.plan.rounds, entry.name));
            let seen = drive(wrk, &script, entry.server.address(), &entry.load, context.plan.duration).await?;
            let is_as_expected = (seen.other - entry.refused).abs() < 0.01;
            ensure!(is_as_expected, "{}: {:.1} % of the answers are not 2xx", entry.name, seen.other * 100.0);
            entry.rates.push(seen.rate);
        }
    }
    for entry in entries {
        measured.add(&entry.name, entry.rates);
    }
    Ok(measured)
}

fn describe(scenario: Scenario) -> Measured {
    let (name, what) = match scenario {
        Scenario::Uniform => {
            ("home, everybody alike", "GET /home of people who are signed in, each as often as any other")
        }
        Scenario::Anonymous => ("home of nobody", "GET /home without a token"),
        Scenario::User => {
            ("one user", "GET /users/{id} of the one with the most followers; the limit answers a home page")
        }
        Scenario::Writes => {
            ("home with writes", "GET /home, and every twentieth request a POST /posts by whoever's turn it is")
        }
        Scenario::Log => ("a log line each", "GET /home with RUST_LOG=warn and with info, to a file"),
        Scenario::Flood => ("a flood", "one client over its quota of ten a minute: answers with 429"),
        _home => ("home", "GET /home of people who are signed in, by Zipf's law (0.99)"),
    };
    Measured::new(name, what, "closed loop", "answers/s")
}

async fn entry(bed: &Bed, scenario: Scenario, contestant: Contestant, server: Process) -> Result<Entry> {
    let is_fixed = matches!(contestant, Limit | Layers);
    let target = match scenario {
        Scenario::User if !is_fixed => format!("/users/{}", bed.somebody().await?),
        _home => "/home".to_owned(),
    };
    let tokens = match scenario {
        Scenario::Anonymous | Scenario::User => bed.nobody()?,
        Scenario::Uniform => bed.walk(Choice::Uniform)?,
        Scenario::Flood => bed.one()?,
        _by_zipf => bed.walk(Choice::Zipf)?,
    };
    let writes = if scenario == Scenario::Writes && !is_fixed { 20 } else { 0 };
    let load = Load { target, tokens, writes };
    Ok(Entry { name: contestant.name().to_owned(), server, load, refused: 0.0, rates: Vec::new() })
}

/// Contestants that only one scenario has.
async fn extra(bed: &Bed, lineup: &Lineup<'_>, scenario: Scenario, entries: &mut Vec<Entry>) -> Result<()> {
    let (name, variables, refused): (&str, &[(&str, &str)], f64) = match scenario {
        Scenario::Log => ("near, RUST_LOG=info", &[("RUST_LOG", "info")], 0.0),
        Scenario::Flood => ("near, over its quota", &[("RATE_LIMIT_SIGNED_IN", "10/60s")], 1.0),
        _none => return Ok(()),
    };
    let server = lineup.aside(Near, variables).await?;
    let mut entry = entry(bed, scenario, Near, server).await?;
    (entry.name, entry.refused) = (name.to_owned(), refused);
    entries.push(entry);
    Ok(())
}
