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
    handle::{Connection, Handle},
    identity::Server,
    script::Script,
};

static PROBE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("probe.lua")));

/// How long the keys of a probe live.
const PROBE_LIFE: Duration = Duration::from_secs(1);

/// How long a prefix belongs to a database whose replicas are gone.
const OWNER_LIFE: Duration = Duration::from_mins(1);

/// The channel of probes. Only a connection that asks whether messages arrive is subscribed to it.
pub(crate) const PROBES: &str = "probes";

/// Whether the connection still leads to the same mastership, and that is good for a cache; how long it took to say so.
pub(crate) async fn probe(connection: &Arc<Connection>) -> Result<Duration, RedisError> {
    let mut commands = connection.wire.connection.clone();
    let server = Server::ask(&mut commands, &connection.database).await?;
    if server.identity != connection.server.identity {
        return Err(connection.server.differs_from(&server.with_address(&mut commands).await));
    }
    probe_on(connection, PROBES).await
}

/// The part of a probe that writes, with its message on this channel.
pub(crate) async fn probe_on(connection: &Arc<Connection>, channel: &str) -> Result<Duration, RedisError> {
    let asked = Instant::now();
    let handle = Handle::new(Arc::clone(connection));
    // One digit differs, so the slots do, whatever comes before it.
    let call = PROBE.call().key(handle.key("probe:1")).key(handle.key("probe:2")).key(connection.owner_key.as_str());
    let call = call.millis(PROBE_LIFE).arg(handle.key(channel)).arg(connection.database.as_bytes()).millis(OWNER_LIFE);
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
