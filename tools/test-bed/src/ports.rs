//! Ports for servers that are restarted where they were.

use std::net::TcpListener;

use anyhow::{Context, Result};

/// An address on loopback that nobody listens on now.
///
/// # Errors
///
/// When no port is free.
pub fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?.to_string())
}
