//! One of the commands of `aside` that come to an end: `migrate`, `seed`.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::{database::ScratchDatabase, redis_server::RedisServer};

/// Runs it on this database and Redis, in this folder. An error says what the command said.
pub async fn run_aside(
    program: &Path,
    arguments: &[&str],
    (database, redis): (&ScratchDatabase, &RedisServer),
    folder: &Path,
) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).kill_on_drop(true).stdin(Stdio::null());
    command.env("DATABASE_URL", database.url().as_str()).env("REDIS_URL", redis.url().as_str());
    let output = command.output().await.context("cannot start aside")?;
    ensure!(output.status.success(), "aside {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr));
    Ok(())
}
