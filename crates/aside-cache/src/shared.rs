//! The readers' three steps in Redis: look, acquire, fill. Each is one round trip, for any number of cells.

use std::{
    fmt::{Display, Write},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use aside_postgres::admission::Admission;
use aside_redis::{Call, Handle, Pipeline, RedisClient, RedisError, Script, Value, cmd};
use aside_runtime::{clock::Clock, shutdown::Shutdown};
use tokio::sync::Semaphore;

use super::{
    cell::{self, Owner, State, StoredValue},
    fullness::Fullness,
    gate::Gate,
    metrics::Metrics,
    near::{IdBytes, Kind, Near},
    options::{Mode, Options},
    sample::Sample,
    speeds::SpeedWatch,
    token::Token,
};

static REPLACE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/replace.lua")));
static FILL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/fill.lua")));

/// Discards of damaged values under way in one process, at most. A value without room is found again by its next reader.
const MOST_DISCARDS: usize = 16;

/// A cell's name within its Redis process, `<entity>:<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellName(String);

impl CellName {
    /// The cell of this kind and id.
    #[must_use]
    pub fn new(entity: &'static str, id: &impl Display) -> Self {
        let mut name = String::with_capacity(48);
        Self::write(entity, id, &mut name);
        Self(name)
    }

    fn write(entity: &'static str, id: &impl Display, name: &mut String) {
        write!(name, "{entity}:{id}").expect("writing to a String does not fail");
    }

    /// The cell of this name, as the outbox has it.
    #[must_use]
    pub fn from_text(name: String) -> Self {
        Self(name)
    }

    /// The id, if it is a cell of this kind.
    pub(super) fn id_of(&self, entity: &str) -> Option<&str> {
        self.0.strip_prefix(entity)?.strip_prefix(':')
    }

    /// Whose value the entry holds, for its checksum.
    pub(super) fn owner(&self) -> Owner {
        Owner::of(&self.0)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What every kind of entry needs to speak the protocol: Redis and whether it is trusted, near entries, permits. Clones share
/// everything.
///
/// [`Cache`](super::Cache) is made of one; its steps are public for writers with transactions of their own.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub(super) redis: RedisClient,
    pub(super) options: Arc<Options>,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) shutdown: Shutdown,
    pub(super) gate: Gate,

    /// Copies in this process, with `CACHE_MODE=near`.
    near: Option<Near>,
    /// Where loads wait for their turn.
    pub(super) loads: Admission,
    /// How many of the turns may be for what nobody waits for.
    pub(super) background: Arc<Semaphore>,
    fullness: Arc<Fullness>,
    pub(super) speeds: Arc<SpeedWatch>,
    /// Room for discards of damaged values.
    pub(super) discards: Arc<Semaphore>,
    /// What was invalidated here lately.
    pub(super) invalidated: Sample<CellName>,
}

/// What became of the attempt to become the one who fills a cell.
#[derive(Debug)]
pub(super) enum Acquired {
    /// The server said OK: load, then fill under this token.
    Lease(Token),
    /// A value came in between.
    Found(StoredValue),
    /// Another fill is under way.
    Taken,
    /// A write is under way.
    Fenced,
    /// A value or a lease of another identity is there, and could not be replaced: as [`Refused`](Self::Refused).
    Foreign,
    /// The server's answer is unknown, or not to be believed: load, but do not store.
    Refused,
}

impl Protocol {
    /// In this Redis; loads wait for a permit of `loads`.
    pub(super) fn new(
        redis: RedisClient,
        options: Options,
        loads: Admission,
        clock: Clock,
        metrics: Metrics,
        shutdown: Shutdown,
    ) -> Self {
        let background = Arc::new(Semaphore::new((loads.permits() / 4).max(1)));
        let gate = Gate::new(redis.clone());
        let speeds = Arc::new(SpeedWatch::new(redis.clone(), loads.permits()));
        let near =
            (options.mode == Mode::Near).then(|| Near::start(&redis, &options, Arc::clone(&speeds), shutdown.clone()));
        Self {
            redis,
            options: Arc::new(options),
            clock,
            metrics,
            shutdown,
            gate,
            near,
            loads,
            background,
            fullness: Arc::default(),
            speeds,
            discards: Arc::new(Semaphore::new(MOST_DISCARDS)),
            invalidated: Sample::new(),
        }
    }

    /// Whether reads can be answered from the shared cache at all right now.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.options.mode != Mode::Off && self.redis.is_up() && self.is_worth_asking()
    }

    /// Whether a connection to Redis is up, believed or not.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.redis.is_connected()
    }

    /// How long a reply of Redis is waited for.
    #[must_use]
    pub fn command_timeout(&self) -> Duration {
        self.redis.command_timeout()
    }

    /// Whether what Redis holds may be believed.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    fn is_worth_asking(&self) -> bool {
        self.gate.is_open() && !self.fullness.is_to_be_spared(Instant::now)
    }

    /// A connection to a Redis that may be believed, and may know something.
    pub(super) fn handle(&self) -> Result<Handle, RedisError> {
        if self.is_worth_asking() { self.redis.handle() } else { Err(RedisError::Unavailable) }
    }

    /// Where copies of this kind are kept, if any are; `parse` turns an id's text, as messages have it, into its bytes.
    pub(super) fn copies_of(&self, entity: &'static str, parse: fn(&str) -> Option<IdBytes>) -> Option<(Near, Kind)> {
        let near = self.near.clone()?;
        let kind = near.kind(entity, parse);
        Some((near, kind))
    }

    /// Whether copies are good for a read that has just arrived. The gate is asked before the sequence is.
    pub(super) async fn is_current(&self, near: &Near) -> bool {
        self.is_worth_asking() && near.is_current(&self.redis).await
    }

    /// One `MGET` of the cells of this kind with these ids.
    pub(super) async fn look(
        &self,
        handle: &Handle,
        entity: &'static str,
        ids: &[impl Display],
    ) -> Result<Vec<State>, RedisError> {
        let mut command = cmd("MGET");
        // One buffer for all keys: a home page looks at some fifty cells at once.
        let namespace = handle.namespace();
        let mut key = namespace.to_owned();
        let mut owners = Vec::with_capacity(ids.len());
        for id in ids {
            key.truncate(namespace.len());
            CellName::write(entity, id, &mut key);
            owners.push(Owner::of(&key[namespace.len()..]));
            command.arg(&key);
        }
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        let unexpected = || handle.unexpected("MGET");
        let asked = Instant::now();
        let reply = handle.query(&pipeline).await?.pop();
        self.speeds.note_reply(asked.elapsed());
        if !self.gate.is_open() {
            return Err(RedisError::Unavailable);
        }
        match reply {
            Some(Value::Array(found)) if found.len() == ids.len() => {
                self.fullness.note_hits(found.iter().filter(|cell| **cell != Value::Nil).count());
                let states = found.into_iter().zip(owners).zip(ids).map(|((cell, owner), id)| match cell {
                    Value::Nil => Ok(State::Absent),
                    Value::BulkString(bytes) => match State::decode(bytes, owner, handle.identity()) {
                        State::Damaged(bytes) => {
                            self.distrust(handle, entity, CellName::new(entity, id), bytes);
                            Ok(State::Absent)
                        }
                        state => Ok(state),
                    },
                    _other => Err(unexpected()),
                });
                states.collect()
            }
            Some(Value::ServerError(error)) => Err(RedisError::Command(error.into())),
            _other => Err(unexpected()),
        }
    }

    /// `SET NX PX` of a lease for each cell. `GET` makes a refusal tell what is there, which spares a second look.
    ///
    /// Never fails: a cell without an answer is [`Acquired::Refused`], since an unanswered `SET NX` grants nothing.
    pub(super) async fn acquire(&self, handle: &Handle, entity: &'static str, cells: &[CellName]) -> Vec<Acquired> {
        let tokens: Vec<Token> = cells.iter().map(|_| Token::random()).collect();
        let mut pipeline = Pipeline::with_capacity(cells.len());
        for (cell, &token) in cells.iter().zip(&tokens) {
            pipeline
                .cmd("SET")
                .arg(handle.key(cell.as_str()))
                .arg(cell::lease(token, handle.identity()))
                .arg("NX")
                .arg("GET")
                .arg("PX")
                .arg(self.options.lease.as_millis().to_string());
        }
        let mut answers: Vec<Acquired> = match handle.query(&pipeline).await {
            Ok(replies) if self.gate.is_open() => {
                self.note_refusals(&replies);
                let answers = replies.into_iter().zip(tokens).zip(cells);
                answers.map(|((reply, token), cell)| self.acquired(handle, entity, cell, token, reply)).collect()
            }
            _unknown_or_not_to_be_believed => return cells.iter().map(|_| Acquired::Refused).collect(),
        };
        self.replace_foreign(handle, entity, cells, &mut answers).await;
        answers
    }

    /// The second round trip of [`acquire`](Self::acquire), for entries that hold a value or a lease of another identity.
    async fn replace_foreign(
        &self,
        handle: &Handle,
        entity: &'static str,
        cells: &[CellName],
        answers: &mut [Acquired],
    ) {
        let is_foreign = |at: &usize| matches!(answers[*at], Acquired::Foreign);
        let foreign: Vec<(usize, Token)> =
            (0..cells.len()).filter(is_foreign).map(|at| (at, Token::random())).collect();
        if foreign.is_empty() {
            return;
        }
        let call = |&(at, token): &(usize, Token)| {
            let call = REPLACE.call().key(handle.key(cells[at].as_str()));
            call.arg(cell::lease(token, handle.identity())).millis(self.options.lease)
        };
        let calls: Vec<Call> = foreign.iter().map(call).collect();
        if let Ok(replies) = handle.call(&calls).await
            && self.gate.is_open()
        {
            self.note_refusals(&replies);
            for ((at, token), reply) in foreign.into_iter().zip(replies) {
                answers[at] = self.acquired(handle, entity, &cells[at], token, reply);
            }
        }
    }

    /// What a reply to `SET NX GET`, or to the script that is like it, says.
    fn acquired(&self, handle: &Handle, entity: &'static str, cell: &CellName, token: Token, reply: Value) -> Acquired {
        match reply {
            Value::Nil => Acquired::Lease(token),
            Value::BulkString(bytes) => match State::decode(bytes, cell.owner(), handle.identity()) {
                State::Value(value) => Acquired::Found(value),
                State::Lease => Acquired::Taken,
                State::Foreign => Acquired::Foreign,
                State::Fence => Acquired::Fenced,
                State::Absent => Acquired::Refused,
                State::Damaged(bytes) => {
                    self.distrust(handle, entity, cell.clone(), bytes);
                    Acquired::Refused
                }
            },
            Value::ServerError(_) => Acquired::Refused,
            _other => {
                let _ended = handle.unexpected("SET");
                Acquired::Refused
            }
        }
    }

    fn note_refusals(&self, replies: &[Value]) {
        self.fullness.note_refusals(replies.iter().filter(|reply| is_out_of_memory(reply)).count(), Instant::now());
    }

    /// Stores values under their leases, or under the claims of their refreshes; gives, for each, whether it was stored. `None`: the answer is unknown.
    pub(super) async fn fill(&self, handle: &Handle, fills: &[Fill]) -> Vec<Option<bool>> {
        let calls: Vec<Call> = fills
            .iter()
            .map(|fill| {
                FILL.call()
                    .key(handle.key(fill.cell.as_str()))
                    .arg(fill.under.as_slice())
                    .arg(fill.value.encode(fill.cell.owner(), handle.identity()).to_vec())
                    .number(fill.life_ms)
            })
            .collect();
        match handle.call(&calls).await {
            Ok(replies) => replies
                .into_iter()
                .map(|reply| match reply {
                    Value::Int(stored) => Some(stored == 1),
                    Value::ServerError(_) => None,
                    _other => {
                        let _ended = handle.unexpected("EVALSHA");
                        None
                    }
                })
                .collect(),
            Err(_unknown) => vec![None; fills.len()],
        }
    }
}

/// Whether a reply says that there is no memory left.
fn is_out_of_memory(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == "OOM")
}

/// One value on its way into its cell.
#[derive(Debug)]
pub(super) struct Fill {
    pub(super) cell: CellName,
    /// What the cell must still begin with: the lease, or the value that is refreshed and the token of its refresh.
    pub(super) under: Vec<u8>,
    pub(super) value: StoredValue,
    /// Milliseconds the cell may live.
    pub(super) life_ms: i64,
}
