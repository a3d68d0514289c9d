//! `aside seed`: made-up users, posts, follows and sessions in the shape of a social network, a million users in minutes.
//!
//! ```text
//! society, words   the content of rows: pure functions of the seed and the row's number
//!       |
//! tables, rows     rows in the binary format of COPY, made on a thread of their own
//!       |
//! copy             into tables that are empty and have no index and no key (schema), which are made afterwards
//!       |
//! load             all of it in one transaction: a failure or Ctrl-C leaves the database as it was
//! ```
//!
//! The statements are here and not in [`postgres`](crate::postgres): the service does not run them, and they need the database
//! exclusively. Only an empty database is loaded, and only one on this machine unless `--yes` is given.

mod arguments;
mod copy;
mod interrupt;
mod load;
mod plan;
mod progress;
mod report;
mod rows;
mod schema;
mod society;
mod statement;
mod tables;
mod token_file;
mod words;

use std::{
    future::Future,
    io::{self, Write},
    pin::pin,
    time::Instant,
};

use anyhow::{Context, Result, anyhow, ensure};
use chrono::Utc;
use rand::distr::{Alphanumeric, SampleString};

use sqlx::PgConnection;

pub use arguments::SeedArguments;
use load::Load;
pub use progress::Progress;
pub use report::{Outcome, Report};
use statement::execute;
use token_file::TokenFile;

use aside_postgres::Connector;

use crate::{
    auth::{Caller, PasswordHasher},
    config::Config,
    domain::Password,
    postgres,
};

/// The password of all users in a database on this machine. It is no secret: examples contain it.
pub const LOCAL_PASSWORD: &str = "let-me-in-please";

/// Runs the command and prints the report.
pub async fn seed(arguments: &SeedArguments, config: &Config) -> Result<()> {
    let outcome = run(arguments, config, Progress::Shown, interrupt::interrupted()).await?;
    writeln!(io::stdout(), "{outcome}").context("cannot write to standard output")
}

/// Loads the rows into the database of the configuration, unless `interrupt` resolves first.
///
/// # Errors
///
/// No row was stored; migrations may have run.
pub async fn run(
    arguments: &SeedArguments,
    config: &Config,
    progress: Progress,
    interrupt: impl Future<Output = ()>,
) -> Result<Outcome> {
    let started = Instant::now();
    let mut interrupt = pin!(interrupt);
    let plan = arguments.plan(Utc::now())?;
    // Its own connection: the pool's time-outs and its warning of slow statements are for requests.
    let connector = Connector::new(&config.database).named("aside seed");
    let is_local = is_allowed(config, arguments.yes)?;
    migrate(config).await?;
    let mut connection = connector.connect().await.context("cannot connect to the database")?;
    let hasher = PasswordHasher::new(&config.session)?;
    if let Some(table) = load::populated_table(&mut connection).await? {
        ensure!(arguments.sample, load::refuse_data(&table));
        return Ok(Outcome::NotNeeded { has_demo_account: has_demo_account(&mut connection, &hasher).await? });
    }

    let password = if is_local { LOCAL_PASSWORD.to_owned() } else { Alphanumeric.sample_string(&mut rand::rng(), 24) };
    let password_hash = hasher.hash(Password::parse(password.clone().into())?, Caller::Known).await?;
    let (file, tokens) = arguments.tokens.as_deref().map(TokenFile::create).transpose()?.unzip();
    let load = Load { plan, password_hash, lives: config.session.clone(), tokens, progress };
    let mut connection = commit(load, connection, &connector, &mut interrupt).await?;
    file.map_or(Ok(()), TokenFile::keep)?;

    let warning = tokio::select! {
        vacuumed = load::vacuum(&mut connection) => vacuumed.err().map(|error| format!("{error:#}")),
        () = interrupt => Some("interrupted after everything was loaded; not yet vacuumed".to_owned()),
    };
    let tokens = arguments.tokens.clone();
    Ok(Outcome::Loaded(Report { plan, elapsed: started.elapsed(), password, tokens, warning }))
}

/// Runs the load to its COMMIT, or rolls it back.
async fn commit(
    load: Load,
    mut connection: PgConnection,
    connector: &Connector,
    interrupt: &mut (impl Future<Output = ()> + Unpin),
) -> Result<PgConnection> {
    let backend = backend_of(&mut connection).await?;
    let loaded = tokio::select! {
        loaded = load.run(&mut connection) => loaded,
        () = interrupt => Err(anyhow!("interrupted; nothing was loaded")),
    };
    if let Err(error) = loaded {
        drop(connection);
        // The first error is reported. A server that cannot be reached rolls back by itself.
        let _best_effort = interrupt::end_backend(connector, backend).await;
        return Err(error);
    }
    // COMMIT is not interrupted.
    execute(&mut connection, "COMMIT").await.context("cannot commit")?;
    Ok(connection)
}

/// Refuses a database on another machine without `--yes`.
fn is_allowed(config: &Config, yes: bool) -> Result<bool> {
    let url = &config.database.url;
    ensure!(
        url.is_loopback() || yes,
        "DATABASE_URL names {url}, which is not this machine; give --yes to load made-up users there all the same"
    );
    Ok(url.is_loopback())
}

async fn migrate(config: &Config) -> Result<()> {
    let database = postgres::database(config.database.clone());
    let migrated = database.migrate().await;
    database.close().await;
    migrated.context("cannot migrate the database")
}

async fn backend_of(connection: &mut PgConnection) -> Result<i32> {
    sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await.context("cannot ask the database")
}

/// Whether `demo` can be signed in to with the password that examples use.
async fn has_demo_account(connection: &mut PgConnection, hasher: &PasswordHasher) -> Result<bool> {
    let stored: Option<String> = sqlx::query_scalar("SELECT password_hash FROM users WHERE lower(username) = $1")
        .bind(words::DEMO_USERNAME)
        .fetch_optional(connection)
        .await
        .context("cannot look for the demo account")?;
    match stored {
        Some(hash) => Ok(hasher.verify(LOCAL_PASSWORD.into(), Some(&hash), Caller::Known).await?),
        None => Ok(false),
    }
}
