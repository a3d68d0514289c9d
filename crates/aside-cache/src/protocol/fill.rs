//! The fill: storing what was loaded, if the lease that it was loaded under still stands.

use std::sync::LazyLock;

use aside_redis::{Call, Handle, Script, Value};

use super::{lease::Lease, name::EntryName, parts::Protocol, value::EntryValue};

static FILL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/fill.lua")));

/// A value to store.
#[derive(Debug)]
pub(crate) struct Fill {
    pub(crate) entry: EntryName,
    /// The lease, or refresh lease, that the value was loaded under.
    pub(crate) lease: Lease,
    pub(crate) value: EntryValue,
    /// Milliseconds that the value may live; above zero.
    pub(crate) life_ms: i64,
}

/// The outcome of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// The value is stored.
    Stored,
    /// The lease was gone.
    Refused,
    /// Redis did not say, or has no memory left.
    Unknown,
}

impl Protocol {
    /// Stores values under their leases by one round trip.
    pub(crate) async fn fill(&self, handle: &Handle, fills: &[Fill]) -> Vec<Filled> {
        let call = |Fill { entry, lease, value, life_ms }: &Fill| {
            let call = FILL.call().key(handle.key(entry.as_str())).arg(lease.0.as_slice());
            call.arg(value.encode(entry.owner(), handle.identity()).to_vec()).number(*life_ms)
        };
        let calls: Vec<Call> = fills.iter().map(call).collect();
        if calls.is_empty() {
            return Vec::new();
        }
        let Ok(replies) = handle.call(&calls).await else { return vec![Filled::Unknown; fills.len()] };
        let filled = replies.into_iter().map(|reply| match reply {
            Value::Int(1) => Filled::Stored,
            Value::Int(_) => Filled::Refused,
            Value::ServerError(_) => Filled::Unknown,
            _other => {
                let _ended = handle.unexpected("EVALSHA");
                Filled::Unknown
            }
        });
        filled.collect()
    }
}
