//! Whether a connection is good for a cache: it answers, and takes writes.
//!
//! A Redis that answers but cannot be written to is not there either: its cells could be read and not be fenced, so what
//! it holds would be shown until it runs out. It refuses writes when it was made a replica, when it cannot save, or when
//! its ACL says so. Hence a connection is asked with a write, before its first use and ever after.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use redis::Value;

use super::{
    error::RedisError,
    handle::{Handle, Link},
    script::Script,
};

static PROBE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("probe.lua")));

/// How long the key of a probe lives.
const PROBE_LIFE: Duration = Duration::from_secs(1);

/// Whether the connection leads to a Redis that takes writes; how long it took to say so.
pub(super) async fn probe(link: &Arc<Link>) -> Result<Duration, RedisError> {
    let asked = Instant::now();
    let handle = Handle::new(Arc::clone(link));
    let (key, channel) = (handle.key("probe"), handle.key("probes"));
    let call = PROBE.call().key(key).millis(PROBE_LIFE).arg(channel);
    match handle.call(&[call]).await?.pop() {
        Some(Value::Int(1)) => Ok(asked.elapsed()),
        Some(Value::ServerError(error)) => Err(RedisError::Command(error.into())),
        _other => Err(handle.unexpected("EVALSHA")),
    }
}
