//! `aside seed` against a real Postgres: what is loaded, what is refused, and what is left after a failure.

mod endings;
mod rows;
mod samples;

use std::{collections::BTreeSet, future};

use aside::{
    cli::seed::{self, Outcome, Progress, Report, SeedArguments},
    config::Config,
};
use clap::Parser;
use sqlx::PgPool;

use crate::test_database::TestDatabase;

/// A fixed end of the made-up times, so that a test does not depend on the hour it runs in.
const UNTIL: &str = "2026-06-01T12:00:00Z";

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    arguments: SeedArguments,
}

/// What somebody would type after `aside seed`.
fn arguments(line: &str) -> SeedArguments {
    CommandLine::parse_from([&["seed"], line.split_whitespace().collect::<Vec<_>>().as_slice()].concat()).arguments
}

fn config(url: &str) -> Config {
    Config::from_variables([("DATABASE_URL", url), ("REDIS_URL", "redis://127.0.0.1:1")])
        .expect("the settings are good")
}

async fn run(database: &TestDatabase, line: &str) -> anyhow::Result<Outcome> {
    seed::run(&arguments(line), &config(database.url.as_str()), Progress::Hidden, future::pending()).await
}

/// Loads what must load.
pub(crate) async fn loaded(database: &TestDatabase, line: &str) -> Report {
    match run(database, line).await.expect("the load succeeds") {
        Outcome::Loaded(report) => report,
        outcome @ Outcome::NotNeeded { .. } => panic!("{outcome}"),
    }
}

pub(crate) async fn migrated() -> (TestDatabase, PgPool) {
    let database = TestDatabase::create().await;
    let postgres = aside::postgres::database(config(database.url.as_str()).database);
    postgres.migrate().await.expect("the migrations run");
    postgres.close().await;
    let pool = database.pool().await;
    (database, pool)
}

/// Every index, constraint and trigger, as Postgres writes them down.
async fn schema(pool: &PgPool) -> BTreeSet<String> {
    let definitions = sqlx::query_scalar(
        "SELECT pg_get_indexdef(indexrelid) || ' valid ' || indisvalid::text FROM pg_index
         WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
         UNION ALL
         SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' valid ' || convalidated::text
         FROM pg_constraint WHERE connamespace = 'public'::regnamespace
         UNION ALL
         SELECT pg_get_triggerdef(oid) || ' enabled ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal",
    );
    definitions.fetch_all(pool).await.expect("the catalog can be read").into_iter().collect()
}

/// Rows in all four tables.
async fn row_count(pool: &PgPool) -> i64 {
    number(
        pool,
        "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM posts)
              + (SELECT count(*) FROM follows) + (SELECT count(*) FROM sessions)",
    )
    .await
}

async fn number(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap_or_else(|error| panic!("{query}: {error}"))
}
