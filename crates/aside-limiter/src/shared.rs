//! The limiter that all replicas share: two scripts on Redis, by Redis's clock.

use std::{
    slice,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use aside_redis::{Call, Handle, RedisClient, RedisError, Script, Value};

use super::{
    charged_key::ChargedKey,
    policy::Limit,
    quota_lease::{QuotaLease, Settlement},
    quota_leases::Take,
    server_clock::{Moment, ServerClock},
    verdict::Verdict,
    window::{Reading, Slices},
};

static ADMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("admit.lua")));
static SETTLE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("settle.lua")));

/// Integers that `admit.lua` gives for each key.
const NUMBERS_A_LIMIT: usize = 3;
/// Those before them, and those behind.
const OTHER_NUMBERS: usize = 3;

const UNEXPECTED: RedisError = RedisError::UnexpectedReply { command: "admit" };

/// Where keys are published whose leases should be settled.
pub(super) const REVOCATIONS: &str = "recalls";

/// Limits over all replicas.
#[derive(Clone, Debug)]
pub(super) struct SharedLimiter {
    redis: RedisClient,
    clock: Arc<ServerClock>,
}

/// What Redis has decided.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) verdict: Verdict,
    /// Where it was counted, in the order of the limits.
    pub(super) keys: Vec<ChargedKey>,
    /// When.
    pub(super) at: Moment,
}

/// What `admit.lua` is asked.
struct Question<'a> {
    limits: &'a [Limit],
    /// One, or none when only a lease is wanted.
    requests: u32,
    take: Option<&'a Take>,
}

impl Question<'_> {
    fn call(&self, handle: &Handle) -> (Call, Vec<ChargedKey>) {
        let Self { limits, requests, take } = *self;
        let keys: Vec<ChargedKey> = limits.iter().map(|limit| ChargedKey::new(handle.key(&limit.name()))).collect();
        let mut call = ADMIT.call();
        for (key, limit) in keys.iter().zip(limits) {
            call = call.key(key.as_str()).number(limit.quota.requests).number(limit.slices.window_us());
        }
        call = call.arg(handle.key(REVOCATIONS)).number(requests).number(take.map_or(0, |take| take.wanted));
        let settlement = take.and_then(|take| take.settlement.as_ref());
        if let Some(settlement) = settlement.filter(|settlement| Some(&settlement.key) == keys.first()) {
            call = settled(call, settlement.slice, settlement.count, &settlement.used);
        }
        (call, keys)
    }
}

impl Decided {
    /// What was leased under the first limit, which is cut like this; `None` if nothing was.
    pub(super) fn lease(&self, slices: Slices) -> Option<QuotaLease> {
        let Verdict { leased, ref readings, .. } = self.verdict;
        (leased > 0).then(|| QuotaLease::new(self.keys[0].clone(), slices, self.at, leased, readings[0]))
    }
}

impl SharedLimiter {
    /// What it is told of Redis's clock it notes in `clock`.
    pub(super) fn new(redis: RedisClient, clock: Arc<ServerClock>) -> Self {
        Self { redis, clock }
    }

    /// All limits admit, or none is charged; before that a lease is settled, and after it one is taken, both under the
    /// first limit. One round trip.
    ///
    /// # Errors
    ///
    /// When Redis gave no usable answer; it may have charged.
    pub(super) async fn admit(&self, limits: &[Limit], take: Option<&Take>) -> Result<Decided, RedisError> {
        let mut decided = self.decide(&[Question { limits, requests: 1, take }]).await?;
        decided.pop().ok_or(UNEXPECTED)?
    }

    /// Settles a lease for each of these limits and takes another, with no request to decide on. One round trip.
    ///
    /// # Errors
    ///
    /// When Redis gave no answer at all; it may have done everything.
    pub(super) async fn renew(&self, due: &[(Limit, Take)]) -> Result<Vec<Result<Decided, RedisError>>, RedisError> {
        let questions: Vec<Question<'_>> = due
            .iter()
            .map(|(limit, take)| Question { limits: slice::from_ref(limit), requests: 0, take: Some(take) })
            .collect();
        self.decide(&questions).await
    }

    async fn decide(&self, questions: &[Question<'_>]) -> Result<Vec<Result<Decided, RedisError>>, RedisError> {
        let handle = self.redis.handle()?;
        let (calls, keys): (Vec<Call>, Vec<Vec<ChargedKey>>) =
            questions.iter().map(|question| question.call(&handle)).unzip();
        let asked = Instant::now();
        let replies = handle.call(&calls).await?;
        let answered = Instant::now();
        let decided = replies.into_iter().zip(keys).map(|(reply, keys)| {
            let verdict = verdict(reply.extract_error()?, keys.len()).ok_or_else(|| handle.unexpected("admit"))?;
            let at = Moment { server_us: verdict.time_us, asked, answered };
            self.clock.note(handle.namespace(), &at);
            Ok(Decided { verdict, keys, at })
        });
        Ok(decided.collect())
    }

    /// Settles quota leases, and requests that are given back. What Redis gives no answer for may stand as it is.
    pub(super) async fn settle(&self, settlements: &[Settlement]) {
        let Ok(handle) = self.redis.handle() else { return };
        // Those of another Redis process are void: here, the same slice may hold what another process has leased.
        let of_this = settlements.iter().filter(|settlement| settlement.key.is_in(handle.namespace()));
        let calls: Vec<Call> = of_this
            .map(|Settlement { key, window_us, slice, count, used }| {
                settled(SETTLE.call().key(key.as_str()).number(*window_us), *slice, *count, used)
            })
            .collect();
        if let Err(error) = handle.call(&calls).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "leases were not settled");
        }
    }

    /// The name of the limit whose key this is.
    pub(super) fn name_of(&self, key: &str) -> Option<String> {
        let handle = self.redis.handle().ok()?;
        key.strip_prefix(handle.namespace()).map(str::to_owned)
    }
}

fn settled(call: Call, slice: u64, count: u32, used: &[(u64, u32)]) -> Call {
    let call = call.number(slice).number(count);
    used.iter().fold(call, |call, (slice, count)| call.number(*slice).number(*count))
}

fn verdict(reply: Value, limits: usize) -> Option<Verdict> {
    let numbers = numbers(reply).filter(|numbers| numbers.len() == OTHER_NUMBERS + limits * NUMBERS_A_LIMIT)?;
    let [time_us, readings @ .., leased, revoked] = &numbers[..] else { return None };
    Some(Verdict {
        time_us: *time_us,
        readings: readings.chunks_exact(NUMBERS_A_LIMIT).map(reading).collect(),
        leased: u32::try_from(*leased).ok()?,
        is_revoking: *revoked > 0,
    })
}

fn numbers(reply: Value) -> Option<Vec<u64>> {
    let Value::Array(items) = reply else { return None };
    let number = |item| match item {
        Value::Int(number) => u64::try_from(number).ok(),
        _other => None,
    };
    items.into_iter().map(number).collect()
}

fn reading(numbers: &[u64]) -> Reading {
    let wait = |micros| (micros > 0).then(|| Duration::from_micros(micros));
    Reading { used: numbers[0], frees_in: wait(numbers[1]), retry_in: wait(numbers[2]) }
}
