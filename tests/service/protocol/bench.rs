//! The Lua scripts by themselves, with lives and tokens that a test knows.

use aside_redis::{Value, cmd};

use super::entries::{Entries, run};
use crate::test_redis::{self, TestRedis};

const FENCE: &str = include_str!("../../../crates/aside-cache/src/protocol/scripts/fence.lua");
const RELEASE: &str = include_str!("../../../crates/aside-cache/src/protocol/scripts/release.lua");
const FILL: &str = include_str!("../../../crates/aside-cache/src/protocol/scripts/fill.lua");
const DISCARD: &str = include_str!("../../../crates/aside-cache/src/protocol/scripts/discard.lua");
const REFRESH_LEASE: &str = include_str!("../../../crates/aside-cache/src/protocol/scripts/refresh_lease.lua");
const REPLACE: &str = include_str!("../../../crates/aside-cache/src/protocol/scripts/replace.lua");
const GIVE_BACK: &str = include_str!("../../../crates/aside-cache/src/protocol/scripts/give_back.lua");

/// Lives that the scripts give, and a life that keys had before, in milliseconds.
pub(super) const FENCE_LIFE: i64 = 15_000;
pub(super) const SEQUENCE_LIFE: i64 = 86_400_000;
pub(super) const VALUE_LIFE: i64 = 600_000;
pub(super) const EARLIER_LIFE: i64 = 5_000;
/// How long a refresh lease holds off others, in milliseconds.
pub(super) const REFRESH_LEASE_LIFE: i64 = 60_000;

pub(super) const OWN_FENCE: &[u8] = b"Fmine";
pub(super) const OTHER_FENCE: &[u8] = b"Fhers";
pub(super) const OWN_LEASE: &[u8] = b"Lmine";
pub(super) const OTHER_LEASE: &[u8] = b"Lhers";
pub(super) const VALUE: &[u8] = b"Vold";

pub(super) const OWN_TOKEN: &[u8] = b"0123456789abcdef";
pub(super) const OTHER_TOKEN: &[u8] = b"fedcba9876543210";

/// A value with this header, under the refresh lease of this token, taken at this time.
pub(super) fn leased(header: &[u8], token: &[u8], since_ms: u64) -> Vec<u8> {
    [header, token, &since_ms.to_be_bytes(), b"payload"].concat()
}

/// The same, without a refresh lease.
pub(super) fn unleased(header: &[u8]) -> Vec<u8> {
    leased(header, &[0; 16], 0)
}

/// Some entries of a prefix of their own, and the sequence beside them.
pub(super) struct Bench {
    /// The way that the scripts take.
    pub(super) redis: TestRedis,
    /// The same keys, read.
    pub(super) entries: Entries,
}

impl Bench {
    /// In the Redis of the environment.
    pub(super) async fn new() -> Self {
        Self::in_redis(test_redis::config(&test_redis::url())).await
    }

    /// In another Redis.
    pub(super) async fn in_redis(config: aside_redis::Options) -> Self {
        let redis = TestRedis::connect(config.clone()).await;
        Self { redis, entries: Entries::seen_by(TestRedis::connect(config).await) }
    }

    async fn eval(&self, script: &str, keys: &[&str], arguments: &[&[u8]]) -> Value {
        let handle = self.redis.handle();
        let mut command = cmd("EVAL");
        command.arg(script).arg(keys.len()).arg(keys.iter().map(|key| handle.key(key)).collect::<Vec<_>>());
        run(&self.redis, command.arg(arguments).clone()).await
    }

    /// Sequence and entries, as the scripts of writers take them.
    async fn write(&self, script: &str, lives: &[i64], names: &[&str]) -> Value {
        let keys: Vec<&str> = ["sequence"].into_iter().chain(names.iter().copied()).collect();
        let (lives, channel) = (lives.iter().map(i64::to_string).collect::<Vec<_>>(), self.channel());
        let mut arguments = vec![OWN_FENCE];
        arguments.extend(lives.iter().map(String::as_bytes));
        arguments.push(channel.as_bytes());
        arguments.extend(names.iter().map(|name| name.as_bytes()));
        self.eval(script, &keys, &arguments).await
    }

    /// Runs `fence.lua` for [`OWN_FENCE`].
    pub(super) async fn fence(&self, names: &[&str]) -> Value {
        self.write(FENCE, &[FENCE_LIFE, SEQUENCE_LIFE], names).await
    }

    /// Runs `release.lua` for [`OWN_FENCE`].
    pub(super) async fn release(&self, names: &[&str]) -> Value {
        self.write(RELEASE, &[SEQUENCE_LIFE], names).await
    }

    /// Runs `fill.lua` under [`OWN_LEASE`].
    pub(super) async fn fill(&self, name: &str) -> Value {
        self.fill_under(OWN_LEASE, name).await
    }

    /// Runs `fill.lua` under what the entry must begin with.
    pub(super) async fn fill_under(&self, under: &[u8], name: &str) -> Value {
        let life = VALUE_LIFE.to_string();
        self.eval(FILL, &[name], &[under, b"Vnew", life.as_bytes()]).await
    }

    /// Runs `refresh_lease.lua` for a value with this header and [`OWN_TOKEN`].
    pub(super) async fn take_refresh_lease(&self, header: &[u8], name: &str) -> Value {
        self.eval(REFRESH_LEASE, &[name], &[header, OWN_TOKEN, REFRESH_LEASE_LIFE.to_string().as_bytes()]).await
    }

    /// Runs `replace.lua` for this lease.
    pub(super) async fn replace(&self, lease: &[u8], name: &str) -> Value {
        self.eval(REPLACE, &[name], &[lease, VALUE_LIFE.to_string().as_bytes()]).await
    }

    /// Runs `give_back.lua` for [`OWN_LEASE`].
    pub(super) async fn give_back(&self, name: &str) -> Value {
        self.eval(GIVE_BACK, &[name], &[OWN_LEASE]).await
    }

    /// Runs `discard.lua` for this value.
    pub(super) async fn discard(&self, value: &[u8], name: &str) -> Value {
        let (life, channel) = (SEQUENCE_LIFE.to_string(), self.channel());
        let arguments = [value, life.as_bytes(), channel.as_bytes(), name.as_bytes()];
        self.eval(DISCARD, &["sequence", name], &arguments).await
    }

    /// Puts something into an entry, with [`EARLIER_LIFE`].
    pub(super) async fn hold(&self, name: &str, held: Option<&[u8]>) {
        match held {
            Some(held) => {
                self.entries.command("SET", name, &[held, b"PX", EARLIER_LIFE.to_string().as_bytes()]).await;
            }
            None => self.entries.evict(name).await,
        }
    }

    /// The number that the sequence holds.
    pub(super) async fn sequence(&self) -> Option<u64> {
        let digits = self.entries.bytes("sequence").await?;
        Some(String::from_utf8(digits).expect("digits").parse().expect("a number"))
    }

    /// A key is gone, or its life is above nothing and at most this.
    pub(super) async fn lives_at_most(&self, name: &str, most: i64) -> bool {
        let life = self.entries.life_ms(name).await;
        life == -2 || (1..=most).contains(&life)
    }

    /// Where fences are published.
    pub(super) fn channel(&self) -> String {
        self.redis.handle().key("fences")
    }
}
