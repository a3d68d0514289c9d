//! The refresh lease: the right of one reader to reload a value before it expires.
//!
//! ```text
//!   refresher   lookup (a hit, and due) ─ REFRESH LEASE ─ OK ─ SELECT ─── fill, if the entry still begins with header+token
//!   entry       value ──────────────────▶ value, leased ────────────────▶ value, new, with a new life
//!   readers     hit ────────────────────▶ hit ──────────────────────────▶ hit
//!   a writer    …                                     or ▶ FENCE ───────▶ the fill is refused
//! ```
//!
//! **Why it is exact.** The load is issued after the refresh lease was answered, so it sees whatever was committed when the token
//! came into the entry. A writer that commits later has fenced the entry before, over value and token, and neither release nor
//! relay leaves the token there. So the fill is refused, as one whose lease is gone. A refresh lease without an answer grants
//! nothing, since the load might be issued before the lease is taken. A refresh lease that replaces a dead one brings a new
//! token, so the old refresher's fill is refused. The comparison of the header is not needed for exactness: it spares the refresh
//! of a value that was refreshed since it was looked up.

use std::sync::LazyLock;

use aside_redis::{Call, Handle, Identity, Script, Value};

use super::{entry, lease::Lease, name::EntryName, parts::Protocol, token::Token, value::EntryValue};

static REFRESH_LEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/refresh_lease.lua")));

/// A value that is due for a refresh, as a lookup found it.
#[derive(Debug)]
pub(crate) struct DueValue {
    entry: EntryName,
    header: Vec<u8>,
}

impl DueValue {
    /// The value of this entry in the Redis of this identity.
    pub(crate) fn new(entry: EntryName, value: &EntryValue, identity: Identity) -> Self {
        let header = value.header(entry.owner(), identity);
        Self { entry, header }
    }
}

impl Protocol {
    /// Takes the refresh leases of these values. Only a lease that the server has confirmed, while Redis is trusted, is one.
    pub(crate) async fn take_refresh_leases(&self, handle: &Handle, due: &[&DueValue]) -> Vec<Option<Lease>> {
        let tokens: Vec<Token> = due.iter().map(|_| Token::random()).collect();
        let call = |(due, token): (&&DueValue, &Token)| {
            let call = REFRESH_LEASE.call().key(handle.key(due.entry.as_str())).arg(due.header.as_slice());
            call.arg(token.as_bytes().as_slice()).millis(self.options.lease)
        };
        let calls: Vec<Call> = due.iter().zip(&tokens).map(call).collect();
        let replies = match handle.call(&calls).await {
            Ok(replies) if self.trust.is_trusted() => replies,
            _unknown_or_untrusted => return due.iter().map(|_| None).collect(),
        };
        let leases = due.iter().zip(tokens).zip(replies).map(|((due, token), reply)| match reply {
            Value::Int(1) => Some(Lease(entry::under_refresh_lease(due.header.clone(), token))),
            Value::Int(_) | Value::ServerError(_) => None,
            _other => {
                let _ended = handle.unexpected("EVALSHA");
                None
            }
        });
        leases.collect()
    }
}
