//! The limiter that all replicas share: two scripts on Redis, by Redis's clock.

use std::{sync::LazyLock, time::Duration};

use super::{policy::Limit, verdict::Verdict, window::Reading};
use crate::redis_client::{Call, Handle, RedisClient, RedisError, Script, Value};

static ADMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("admit.lua")));
static REFUND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("refund.lua")));

/// Integers that `admit.lua` gives for each key.
const NUMBERS_A_LIMIT: usize = 3;

/// Limits over all replicas.
#[derive(Clone, Debug)]
pub(super) struct SharedLimiter {
    redis: RedisClient,
}

/// Where a request was counted. The key carries the `run_id`, so that nothing is given back to another Redis than the
/// one that charged.
#[derive(Debug)]
pub(super) struct ChargedKey(String);

impl SharedLimiter {
    pub(super) fn new(redis: RedisClient) -> Self {
        Self { redis }
    }

    /// All limits admit, or none is charged. One round trip.
    ///
    /// # Errors
    ///
    /// When Redis gave no usable answer; it may have charged.
    pub(super) async fn admit(&self, limits: &[Limit]) -> Result<(Verdict, Vec<ChargedKey>), RedisError> {
        let handle = self.redis.handle()?;
        let keys: Vec<ChargedKey> = limits.iter().map(|limit| ChargedKey(handle.key(&limit.name))).collect();
        let mut call = ADMIT.call();
        for (ChargedKey(key), limit) in keys.iter().zip(limits) {
            call = call.key(key.as_str()).number(limit.quota.requests).number(limit.cut.window_us());
        }
        let numbers =
            numbers(answer(&handle, call, "admit").await?).filter(|n| n.len() == 1 + limits.len() * NUMBERS_A_LIMIT);
        let numbers = numbers.ok_or(RedisError::UnexpectedReply { command: "admit" })?;
        let readings = numbers[1..].chunks_exact(NUMBERS_A_LIMIT).map(reading).collect();
        Ok((Verdict { time_us: numbers[0], readings }, keys))
    }

    /// Gives one request back to the bucket it was counted in.
    ///
    /// # Errors
    ///
    /// When Redis gave no usable answer; it may have given it back.
    pub(super) async fn refund(&self, key: ChargedKey, limit: &Limit, bucket: u64) -> Result<(), RedisError> {
        let call = REFUND.call().key(key.0).number(bucket).number(limit.cut.window_us());
        answer(&self.redis.handle()?, call, "refund").await?;
        Ok(())
    }
}

async fn answer(handle: &Handle, call: Call, command: &'static str) -> Result<Value, RedisError> {
    let reply = handle.call(&[call]).await?.pop().ok_or(RedisError::UnexpectedReply { command })?;
    Ok(reply.extract_error()?)
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
