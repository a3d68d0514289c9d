//! A process of the real binary, as the checker wants it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use aside_test_bed::Process;

/// Prepares `aside serve` with these variables; all else is as by default, but for the limiter, which is off.
pub fn replica(program: &Path, variables: Vec<(String, String)>, log: PathBuf) -> Result<Process> {
    let mut all = vec![
        // All users of a round register at once.
        ("PASSWORD_HASH_WAIT".to_owned(), "10s".to_owned()),
        ("RUST_LOG".to_owned(), "warn,aside_cache=info,aside_redis=info".to_owned()),
    ];
    let limits = ["RATE_LIMIT_ANONYMOUS", "RATE_LIMIT_SIGNED_IN", "RATE_LIMIT_LOGIN"];
    all.extend(limits.map(|name| (name.to_owned(), "off".to_owned())));
    all.extend(variables);
    Process::aside(program, all, log)
}
