//! A run: rounds, one after the other, until its time is over or its calls are made.

use std::{
    io::IsTerminal,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use aside_test_bed::told_to_stop;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time;

use crate::{
    arguments::Arguments,
    environment::{Environment, Plan},
    faults::FaultKind,
    history::FaultSpan,
    report::Report,
    round::RoundSetting,
    time::{Clock, Micros, SECOND, micros},
    verdict::judge,
    workload::Population,
};

/// What the rounds of a run share.
struct Run<'a> {
    arguments: &'a Arguments,
    seed: u64,
    clock: Clock,
    environment: Arc<Environment>,
    population: Arc<Population>,
    calls: Arc<AtomicU64>,
    interrupted: Arc<AtomicBool>,
    bar: ProgressBar,
}

/// Sets everything up, runs, and clears everything away.
pub async fn run(arguments: &Arguments) -> Result<Report> {
    let seed = arguments.seed.unwrap_or_else(|| rand::random::<u64>() >> 32);
    let program = match &arguments.aside {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("aside"),
    };
    let mut variables = arguments.variables.clone();
    if !arguments.max_staleness.is_zero() {
        let staleness = format!("{}ms", arguments.max_staleness.as_millis());
        variables.push(("CACHE_MAX_STALENESS".to_owned(), staleness));
    }
    let program = std::path::absolute(program)?;
    let plan = Plan { program, database: arguments.database_url.clone(), modes: arguments.modes(), variables };
    eprintln!("seed {seed}, {} replicas: {}", plan.modes.len(), plan.modes.join(", "));
    let environment = Arc::new(Environment::start(&plan).await?);
    let run = Run {
        arguments,
        seed,
        clock: Clock::begin(),
        environment: Arc::clone(&environment),
        population: Arc::new(Population::default()),
        calls: Arc::new(AtomicU64::new(0)),
        interrupted: Arc::new(AtomicBool::new(false)),
        bar: bar(arguments),
    };
    let report = run.rounds().await;
    run.bar.finish_and_clear();
    drop(run);
    let is_fine = report.verdict.is_clean() && report.cut_short.is_none();
    clear_away(environment, !is_fine).await?;
    Ok(report)
}

/// Ends everything; with `keep_logs`, leaves the replicas' logs and says where.
async fn clear_away(environment: Arc<Environment>, keep_logs: bool) -> Result<()> {
    let database = environment.database.clone();
    let Some(mut environment) = Arc::into_inner(environment) else {
        // After a failure a fault may still be under way. Its processes end with this one.
        return database.drop_database().await;
    };
    if keep_logs {
        environment.keep_folder();
        eprintln!("the replicas' logs are in {}", environment.folder().display());
    }
    environment.close().await
}

impl Run<'_> {
    async fn rounds(&self) -> Report {
        let mut report = Report::new(self.seed, self.arguments.modes());
        let interrupted = Arc::clone(&self.interrupted);
        let watching = tokio::spawn(async move {
            if told_to_stop().await.is_ok() {
                interrupted.store(true, Ordering::Relaxed);
            }
        });
        let mut number = 0;
        while let Some(length) = self.next_round(report.driven) {
            if let Err(error) = self.round(number, length, &mut report).await {
                report.cut_short = Some(format!("{error:#}"));
                break;
            }
            number += 1;
        }
        watching.abort();
        report
    }

    /// How long the next round is; `None` when there is none.
    fn next_round(&self, driven: Duration) -> Option<Micros> {
        let Arguments { seconds, calls, round, .. } = *self.arguments;
        let seconds = seconds.or(if calls.is_none() { Some(60) } else { None });
        let left = seconds.map_or(Micros::MAX, |seconds| (seconds * SECOND).saturating_sub(micros(driven)));
        let is_over = self.interrupted.load(Ordering::Relaxed) || left < SECOND || self.has_calls();
        (!is_over).then(|| left.min(round * SECOND))
    }

    fn has_calls(&self) -> bool {
        self.arguments.calls.is_some_and(|calls| self.calls.load(Ordering::Relaxed) >= calls)
    }

    async fn round(&self, number: u64, length: Micros, report: &mut Report) -> Result<()> {
        let seed = self.seed.wrapping_add(number.wrapping_mul(1_000_003));
        let kinds = self.arguments.faults.0.clone();
        let over = Arc::new(AtomicBool::new(false));
        let setting = RoundSetting {
            environment: Arc::clone(&self.environment),
            clock: self.clock,
            population: Arc::clone(&self.population),
            clients: self.arguments.clients,
            users: self.arguments.users,
            seed,
            kinds: kinds.clone(),
            length,
            calls: Arc::clone(&self.calls),
            over: Arc::clone(&over),
            tell: self.teller(),
        };
        let running = tokio::spawn(setting.run());
        self.watch(&over, &running).await;
        let round = running.await.context("the round panicked")??;
        note_faults(&round.history.faults, &kinds, report);
        report.tally.merge(&round.tally);
        report.writes += round.history.writes.len() as u64;
        report.rounds += 1;
        report.driven += round.driven;
        let max_staleness = micros(self.arguments.max_staleness);
        let judged = tokio::task::spawn_blocking(move || judge(&round.history, max_staleness));
        report.verdict.merge(judged.await.context("the judge panicked")?);
        Ok(())
    }

    /// Keeps the bar going until the round is to end.
    async fn watch<T>(&self, over: &AtomicBool, running: &tokio::task::JoinHandle<T>) {
        while !over.load(Ordering::Relaxed) && !running.is_finished() {
            time::sleep(Duration::from_millis(100)).await;
            let calls = self.calls.load(Ordering::Relaxed);
            let position = if self.arguments.calls.is_some() { calls } else { self.clock.now() / SECOND };
            self.bar.set_position(position);
            self.bar.set_message(format!("{calls} calls"));
            if self.has_calls() || self.interrupted.load(Ordering::Relaxed) {
                over.store(true, Ordering::Relaxed);
            }
        }
    }

    fn teller(&self) -> Arc<dyn Fn(String) + Send + Sync> {
        let (bar, quiet) = (self.bar.clone(), self.arguments.quiet);
        Arc::new(move |line| match () {
            () if quiet => {}
            () if bar.is_hidden() => eprintln!("  {line}"),
            () => bar.println(format!("  {line}")),
        })
    }
}

fn note_faults(faults: &[FaultSpan], kinds: &[FaultKind], report: &mut Report) {
    for fault in faults {
        let name = fault.name.split(' ').next().unwrap_or_default();
        *report.faults.entry(name.to_owned()).or_default() += 1;
    }
    report.steady = kinds.iter().filter(|kind| !kind.is_event()).map(|kind| kind.as_str()).collect();
}

fn bar(arguments: &Arguments) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let length = arguments.calls.or(arguments.seconds).unwrap_or(60);
    let style = ProgressStyle::with_template("{bar:40} {percent}% {msg}, {elapsed} of about {duration}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
