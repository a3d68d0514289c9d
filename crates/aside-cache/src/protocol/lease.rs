//! The lease: the right of one reader to load a missing entry.

use std::{sync::LazyLock, time::Instant};

use aside_redis::{Call, Handle, Pipeline, Script, Value};

use super::{
    entry::{self, State},
    name::EntryName,
    parts::Protocol,
    token::Token,
    value::EntryValue,
};

static REPLACE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/replace.lua")));
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/give_back.lua")));

/// The right to fill an entry, as long as the entry begins with these bytes: a lease, or the header of a value and the token of
/// its refresh lease.
#[derive(Clone, Debug)]
pub(crate) struct Lease(pub(super) Vec<u8>);

/// The outcome of an attempt to take the lease of an entry.
#[derive(Debug)]
pub(crate) enum Acquired {
    /// The server said OK: load, then fill under this lease.
    Lease(Lease),
    /// A value came in between.
    Found(EntryValue),
    /// Another fill is under way.
    Taken,
    /// A write is under way.
    Fenced,
    /// A value or a lease of another identity is there, and could not be replaced: as [`Refused`](Self::Refused).
    Foreign,
    /// The server's answer is unknown, or Redis is not trusted: load, but do not store.
    Refused,
}

impl Protocol {
    /// `SET NX PX` of a lease for each entry. `GET` makes a refusal return the entry, which spares a second lookup.
    ///
    /// Never fails: an entry without an answer is [`Acquired::Refused`], since an unanswered `SET NX` grants nothing.
    pub(crate) async fn acquire(&self, handle: &Handle, entity: &'static str, entries: &[EntryName]) -> Vec<Acquired> {
        let tokens: Vec<Token> = entries.iter().map(|_| Token::random()).collect();
        let mut pipeline = Pipeline::with_capacity(entries.len());
        for (entry, &token) in entries.iter().zip(&tokens) {
            pipeline
                .cmd("SET")
                .arg(handle.key(entry.as_str()))
                .arg(entry::lease(token, handle.identity()))
                .arg("NX")
                .arg("GET")
                .arg("PX")
                .arg(self.options.lease.as_millis().to_string());
        }
        let mut answers: Vec<Acquired> = match handle.query(&pipeline).await {
            Ok(replies) if self.trust.is_trusted() => {
                self.note_refusals(&replies);
                let answers = replies.into_iter().zip(tokens).zip(entries);
                answers.map(|((reply, token), entry)| self.acquired(handle, entity, entry, token, reply)).collect()
            }
            _unknown_or_untrusted => return entries.iter().map(|_| Acquired::Refused).collect(),
        };
        self.replace_foreign(handle, entity, entries, &mut answers).await;
        answers
    }

    /// The second round trip of [`acquire`](Self::acquire), for entries that hold a value or a lease of another identity.
    async fn replace_foreign(
        &self,
        handle: &Handle,
        entity: &'static str,
        entries: &[EntryName],
        answers: &mut [Acquired],
    ) {
        let is_foreign = |at: &usize| matches!(answers[*at], Acquired::Foreign);
        let foreign: Vec<(usize, Token)> =
            (0..entries.len()).filter(is_foreign).map(|at| (at, Token::random())).collect();
        if foreign.is_empty() {
            return;
        }
        let call = |&(at, token): &(usize, Token)| {
            let call = REPLACE.call().key(handle.key(entries[at].as_str()));
            call.arg(entry::lease(token, handle.identity())).millis(self.options.lease)
        };
        let calls: Vec<Call> = foreign.iter().map(call).collect();
        if let Ok(replies) = handle.call(&calls).await
            && self.trust.is_trusted()
        {
            self.note_refusals(&replies);
            for ((at, token), reply) in foreign.into_iter().zip(replies) {
                answers[at] = self.acquired(handle, entity, &entries[at], token, reply);
            }
        }
    }

    /// Counts leases that were refused for want of memory.
    fn note_refusals(&self, replies: &[Value]) {
        let is_refused = |reply: &&Value| matches!(reply, Value::ServerError(error) if error.code() == "OOM");
        self.pressure.note_refusals(replies.iter().filter(is_refused).count(), Instant::now());
    }

    /// Reads a reply to `SET NX GET`, or to `replace.lua`, which answers alike.
    fn acquired(
        &self,
        handle: &Handle,
        entity: &'static str,
        entry: &EntryName,
        token: Token,
        reply: Value,
    ) -> Acquired {
        match reply {
            Value::Nil => Acquired::Lease(Lease(entry::lease(token, handle.identity()))),
            Value::BulkString(bytes) => match State::decode(bytes, entry.owner(), handle.identity()) {
                State::Value(value) => Acquired::Found(value),
                State::Lease => Acquired::Taken,
                State::Foreign => Acquired::Foreign,
                State::Fence => Acquired::Fenced,
                State::Absent => Acquired::Refused,
                State::Damaged(bytes) => {
                    self.discard_damaged(handle, entity, entry.clone(), bytes);
                    Acquired::Refused
                }
            },
            // Also when memory has run out: Redis then answers lookups and takes fences, and stores nothing.
            Value::ServerError(_) => Acquired::Refused,
            _other => {
                let _ended = handle.unexpected("SET");
                Acquired::Refused
            }
        }
    }

    /// Gives leases back, so that the next readers need not wait until they run out. Best effort: they do run out.
    pub(crate) async fn give_back(&self, handle: &Handle, leases: Vec<(EntryName, Lease)>) {
        let call =
            |(entry, Lease(lease)): (EntryName, Lease)| GIVE_BACK.call().key(handle.key(entry.as_str())).arg(lease);
        let calls: Vec<Call> = leases.into_iter().map(call).collect();
        if calls.is_empty() {
            return;
        }
        if let Err(error) = handle.call(&calls).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "leases not given back");
        }
    }
}
