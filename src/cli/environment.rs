//! Removes `PG*` variables: only `DATABASE_URL` configures the connection to Postgres. sqlx reads these variables too, and has no
//! option against it, so a process with any of them replaces itself by one without.

use std::{env, os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

/// The variables that sqlx reads.
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

/// Returns in a process without these variables. To be called before the first thread, file or connection.
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
