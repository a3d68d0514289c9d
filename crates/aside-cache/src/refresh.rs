//! The refresh of a value that is due, while everybody goes on being served: claim, load, store.
//!
//! ```text
//!   refresher   look (a hit, and due) ─ CLAIM ─ OK ─ SELECT ──────────── store, if the cell still begins with header+token
//!   cell        value ────────────────▶ value, claimed ────────────────▶ value, new, with a new life
//!   readers     hit ──────────────────▶ hit ───────────────────────────▶ hit
//!   a writer    …                                       or ▶ FENCE ─────▶ the store is refused
//! ```
//!
//! **Why it is exact.** What is stored was read by a statement that was issued after the claim was answered, so it is as new
//! as whatever was committed when the token came into the cell. Whoever commits later has fenced the cell before, over value
//! and token, and neither lift nor relay leaves the token there: the store is refused, as a fill is whose lease is gone. A
//! claim without an answer grants nothing, since the statement might be issued before it is carried out. A claim that takes
//! the place of a dead one brings a new token, so the old refresher's store is refused. That the claim compares the header,
//! too, spares the refresh of a value that was refreshed since it was seen; it is not what makes it exact.
//!
//! Nobody waits for a refresh, so it yields. There is one at a time for each kind of cell, and what comes due meanwhile is
//! refreshed as one after it. It takes a turn among the loads only if readers leave one, and a bounded part of them; what
//! finds none is left to its next reader. What was stored is a copy at once. One that fails leaves the value; its claim is
//! over after `CACHE_LEASE`, and the next reader tries again. So a Postgres that is away is asked once for each due cell and
//! lease, and the value is served until its hard end.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use aside_redis::{Call, Handle, Identity, Script, Value};

use super::{
    cell::{self, State, StoredValue},
    departures::{Departed, Departure},
    early,
    entry_id::EntryId,
    fetched::Fetched,
    loader::{Loaded, Loader},
    near::Markers,
    reader::Reader,
    refreshing::{Due, Entered},
    shared::Fill,
    token::Token,
};
use crate::metrics::CacheOutcome;

static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/claim.lua")));

/// A cell that this refresher may store into, as long as it begins with `under`.
struct Claimed<L: Loader> {
    cell: Entered<L::Id>,
    /// Its place among those that were due.
    at: usize,
    under: Vec<u8>,
}

impl<L: Loader> Reader<L> {
    /// The hits of a look, all of them served. Those that are due are refreshed in a task of its own, with whatever else is.
    pub(super) fn hits(
        self: &Arc<Self>,
        ids: &[L::Id],
        states: Vec<State>,
        identity: Identity,
    ) -> Vec<Option<Fetched>> {
        let now_ms = self.cache.clock.now_ms();
        let mut due = Vec::new();
        let hit = |(id, state)| {
            let State::Value(value) = state else { return None };
            if self.wants_refresh(&value, now_ms, early::draw()) {
                due.extend(
                    self.refreshing
                        .enter(id)
                        .map(|cell| Due { cell, header: value.header(Self::cell(id).owner(), identity) }),
                );
            }
            let is_stale = now_ms >= value.soft_expiry_ms;
            let outcome = if is_stale { CacheOutcome::Stale } else { CacheOutcome::RedisHit };
            Some(self.fetched(value.into(), outcome, false, None))
        };
        let hits = ids.iter().zip(states).map(hit).collect();
        if let Some(departure) = self.refreshes.wait(due) {
            self.depart_to_refresh(departure);
        }
        hits
    }

    fn depart_to_refresh(self: &Arc<Self>, departure: Departure<Due<L::Id>>) {
        let reader = Arc::clone(self);
        self.cache.shutdown.spawn(async move {
            let Departed { flights: due, in_the_air, next } = departure.depart().await;
            if let Some(next) = next {
                reader.depart_to_refresh(next);
            }
            reader.refresh(due).await;
            drop(in_the_air);
        });
    }

    /// Whether a reader who drew `uniform` should try to claim this value.
    fn wants_refresh(&self, value: &StoredValue, now_ms: i64, uniform: f64) -> bool {
        let lease_ms = i64::try_from(self.cache.options.lease.as_millis()).unwrap_or(i64::MAX);
        // By clocks that may differ, which costs a claim that is refused, or a refresh a moment later.
        let is_under_way = value.claimed_at_ms.is_some_and(|since| (0..lease_ms).contains(&(now_ms - since)));
        let due_ms = early::due_ms(value.soft_expiry_ms, value.cost_us, uniform);
        value.payload.is_some() && now_ms >= due_ms && !is_under_way
    }

    /// Claims, loads and stores; and keeps what it has stored among the copies, where they are current.
    async fn refresh(&self, due: Vec<Due<L::Id>>) {
        let Some(turn) = self.cache.turn_in_the_background().await else { return };
        let Ok(handle) = self.cache.handle() else { return };
        // Before the cells are looked at, which claiming them does.
        let near = self.current_copies().await;
        let markers = Markers::place(near, due.iter().map(|due| due.cell.id.to_bytes()));
        let claimed = self.claim(&handle, due).await;
        if claimed.is_empty() {
            return;
        }
        let ids: Vec<L::Id> = claimed.iter().map(|claimed| claimed.cell.id.clone()).collect();
        let loaded = self.load_now(&ids).await;
        drop(turn);
        match loaded {
            Ok((loaded, cost)) => self.renew(&handle, &claimed, loaded, cost, &markers).await,
            Err(error) => {
                tracing::debug!(entity = L::ENTITY, error = &error as &dyn std::error::Error, "not refreshed");
            }
        }
    }

    /// Those of the due cells that this refresher may load: the server has said so, and it may be believed.
    async fn claim(&self, handle: &Handle, due: Vec<Due<L::Id>>) -> Vec<Claimed<L>> {
        let tokens: Vec<Token> = due.iter().map(|_| Token::random()).collect();
        let calls: Vec<Call> = due
            .iter()
            .zip(&tokens)
            .map(|(due, token)| {
                let name = Self::cell(&due.cell.id);
                let call = CLAIM.call().key(handle.key(name.as_str())).arg(due.header.as_slice());
                call.arg(token.as_bytes().as_slice()).millis(self.cache.options.lease)
            })
            .collect();
        let replies = match handle.call(&calls).await {
            Ok(replies) if self.cache.gate.is_open() => replies,
            _unknown_or_not_to_be_believed => return Vec::new(),
        };
        due.into_iter()
            .enumerate()
            .zip(tokens)
            .zip(replies)
            .filter(|(_, reply)| {
                if !matches!(reply, Value::Int(_) | Value::ServerError(_)) {
                    let _ended = handle.unexpected("EVALSHA");
                }
                *reply == Value::Int(1)
            })
            .map(|(((at, Due { cell, header }), token), _)| Claimed { cell, at, under: cell::claimed(header, token) })
            .collect()
    }

    /// Stores what may live at all.
    async fn renew(
        &self,
        handle: &Handle,
        claimed: &[Claimed<L>],
        loaded: Vec<Loaded>,
        cost: Duration,
        markers: &Markers,
    ) {
        let now_ms = self.cache.clock.now_ms();
        let (places, fills): (Vec<usize>, Vec<Fill>) = claimed
            .iter()
            .zip(loaded)
            .filter_map(|(claimed, loaded)| {
                let (value, life_ms) = self.value_of(loaded, now_ms, cost);
                let fill = Fill { cell: Self::cell(&claimed.cell.id), under: claimed.under.clone(), value, life_ms };
                (life_ms > 0).then_some((claimed.at, fill))
            })
            .unzip();
        let stored = self.cache.fill(handle, &fills).await;
        for ((place, fill), stored) in places.into_iter().zip(fills).zip(stored) {
            match stored {
                Some(true) => {
                    markers.keep(place, &fill.value.into());
                }
                Some(false) => {
                    self.counts.fills_rejected.inc();
                }
                None => {}
            }
        }
    }
}
