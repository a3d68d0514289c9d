//! File descriptors: a socket is one.

use anyhow::Result;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Lets this process, and those that it starts from now on, have as many as the system allows it; gives how many.
pub fn raise_descriptors() -> Result<u64> {
    let (_soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    // macOS refuses more than this by that name.
    let most = if cfg!(target_os = "macos") { hard.min(10_240) } else { hard };
    setrlimit(Resource::RLIMIT_NOFILE, most, hard)?;
    Ok(most)
}
