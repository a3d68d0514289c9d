//! Only `DATABASE_URL` says how Postgres is reached. sqlx fills what it does not say from `PG*` variables, and has no way to
//! leave that out; so a process that has any of them in its environment replaces itself by one that does not.

use std::{env, os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

/// What sqlx reads.
const IGNORED: [&str; 13] = [
    "PGAPPNAME",
    "PGDATABASE",
    "PGHOST",
    "PGHOSTADDR",
    "PGOPTIONS",
    "PGPASSFILE",
    "PGPASSWORD",
    "PGPORT",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGUSER",
];

/// Returns in a process without these variables. Called before there is a thread, a file or a connection.
pub(super) fn without_postgres_variables() -> Result<()> {
    let set: Vec<&str> = IGNORED.into_iter().filter(|name| env::var_os(name).is_some()).collect();
    if set.is_empty() {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let mut again = Command::new(env::current_exe().context("cannot find the program's own file")?);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    for name in &set {
        again.env_remove(name);
    }
    // It returns only if it fails.
    let error = again.args(arguments).exec();
    Err(error).with_context(|| format!("cannot start without {}, which are not read here; unset them", set.join(", ")))
}
