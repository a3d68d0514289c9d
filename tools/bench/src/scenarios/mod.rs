//! What is measured, one file for each kind.

mod flush;
mod latency;
mod scale;
mod stampede;
mod throughput;
mod warming;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    arguments::{Arguments, Scenario},
    bed::Bed,
    lineup::Lineup,
    plan::Plan,
    report::Report,
};

/// What all scenarios know.
struct Context<'a> {
    arguments: &'a Arguments,
    plan: Plan,
    progress: ProgressBar,
}

impl Context<'_> {
    /// What is being done now.
    fn now(&self, what: &str) {
        self.progress.set_message(what.to_owned());
    }
}

/// Measures what is asked for.
pub(crate) async fn run(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let plan = Plan::new(arguments);
    let progress =
        ProgressBar::new(0).with_style(ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} {msg}")?);
    progress.enable_steady_tick(std::time::Duration::from_millis(200));
    let context = Context { arguments, plan, progress };
    let kinds = throughput::KINDS.iter().map(|(scenario, _)| *scenario);
    let on_one_bed: Vec<Scenario> = kinds
        .chain([Scenario::Latency, Scenario::Stampede, Scenario::Flush])
        .filter(|one| arguments.wants(*one))
        .collect();
    let scales = if arguments.wants(Scenario::Scale) { context.plan.sizes.len() } else { 0 };
    context.progress.set_length((on_one_bed.len() + scales) as u64);

    if !on_one_bed.is_empty() {
        let Plan { users, readers, .. } = context.plan;
        context.now(&format!("a database of {users} users"));
        let bed = Bed::make(&arguments.aside, &arguments.database, users, readers).await?;
        let lineup = Lineup::new(arguments, &bed).await?;
        for scenario in on_one_bed {
            let measured = match scenario {
                Scenario::Latency => latency::measure(&context, &bed, &lineup).await?,
                Scenario::Stampede => stampede::measure(&context, &bed, &lineup).await?,
                Scenario::Flush => flush::measure(&context, &bed, &lineup).await?,
                kind => throughput::measure(&context, &bed, &lineup, kind).await?,
            };
            report.scenarios.push(measured);
            context.progress.inc(1);
        }
    }
    if scales > 0 {
        report.scenarios.push(scale::measure(&context).await?);
    }
    context.progress.finish_and_clear();
    Ok(())
}
