//! Whether a connection is good for a cache: it leads where it led, it answers, it takes writes and messages, and the prefix
//! is ours.
//!
//! What a server can do decides, not what it is called. A Redis that answers but cannot be written to is not there either:
//! its entries could be read and not be fenced, so what it holds would be shown until it runs out. It refuses writes when it
//! was made a replica, when it cannot save, or when its ACL says so. Hence a connection is asked with a write, before its
//! first use and ever after.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use redis::Value;

use super::{
    error::{RedisError, Refusal},
    handle::{Handle, Link},
    identity::Server,
    script::Script,
};

static PROBE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("probe.lua")));

/// How long the keys of a probe live.
const PROBE_LIFE: Duration = Duration::from_secs(1);

/// How long a prefix belongs to a database whose replicas are gone.
const OWNER_LIFE: Duration = Duration::from_mins(1);

/// Where probes are published; nobody listens but who asks whether messages arrive.
pub(crate) const PROBES: &str = "probes";

/// Whether the connection still leads to the same mastership, and that is good for a cache; how long it took to say so.
pub(crate) async fn probe(link: &Arc<Link>) -> Result<Duration, RedisError> {
    let mut connection = link.wire.connection.clone();
    let server = Server::ask(&mut connection, &link.database).await?;
    if server.identity != link.server.identity {
        return Err(link.server.differs_from(&server.with_address(&mut connection).await));
    }
    probe_on(link, PROBES).await
}

/// The part of a probe that writes, with its message on this channel.
pub(crate) async fn probe_on(link: &Arc<Link>, channel: &str) -> Result<Duration, RedisError> {
    let asked = Instant::now();
    let handle = Handle::new(Arc::clone(link));
    // One digit differs, so the slots do, whatever comes before it.
    let call = PROBE.call().key(handle.key("probe:1")).key(handle.key("probe:2")).key(link.owner_key.as_str());
    let call = call.millis(PROBE_LIFE).arg(handle.key(channel)).arg(link.database.as_bytes()).millis(OWNER_LIFE);
    match handle.call(&[call]).await?.pop() {
        Some(Value::Int(1)) => Ok(asked.elapsed()),
        Some(Value::Int(_)) => Err(Refusal::Command { reply: "SET NX GET gives nothing".to_owned() }.into()),
        Some(Value::BulkString(owner)) => {
            Err(Refusal::ForeignPrefix { owner: String::from_utf8_lossy(&owner).into_owned() }.into())
        }
        Some(Value::ServerError(error)) => Err(Refusal::of(&error).into()),
        _other => Err(handle.unexpected("EVALSHA")),
    }
}
