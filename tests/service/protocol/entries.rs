//! Entries as Redis holds them, read past the application.

use aside::postgres;
use aside_cache::Database;
use aside_redis::{Cmd, Pipeline, Value, cmd};

use super::eventually;
use crate::{application::Backend, test_redis::TestRedis};

/// What is in an entry, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Nothing,
    Value,
    Lease,
    Fence,
}

/// The entries of one prefix in the Redis that answers now.
pub(super) struct Entries {
    redis: TestRedis,
}

impl Entries {
    /// Those of a backend's replicas.
    pub(super) async fn of(backend: &Backend) -> Self {
        let database = Database::from(postgres::database(backend.config(&[]).database));
        let database = database.identity().await.expect("an identity");
        Self { redis: TestRedis::connect_as(&database, backend.config(&[]).redis).await }
    }

    /// Those that this connection sees.
    pub(super) fn seen_by(redis: TestRedis) -> Self {
        Self { redis }
    }

    /// One command about the key called `entry`, which follows the command's name.
    pub(super) async fn command(&self, name: &str, entry: &str, arguments: &[&[u8]]) -> Value {
        let mut command = cmd(name);
        command.arg(self.redis.handle().key(entry)).arg(arguments);
        run(&self.redis, command).await
    }

    /// Lets the server know a script.
    pub(super) async fn know(&self, script: &str) {
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(script);
        run(&self.redis, load).await;
    }

    /// The bytes of an entry.
    pub(super) async fn bytes(&self, entry: &str) -> Option<Vec<u8>> {
        redis::from_redis_value(self.command("GET", entry, &[]).await).expect("entries are strings")
    }

    /// What is in an entry.
    pub(super) async fn held(&self, entry: &str) -> Held {
        match self.bytes(entry).await.as_deref() {
            None => Held::Nothing,
            Some([b'V', ..]) => Held::Value,
            Some([b'L', ..]) => Held::Lease,
            Some([b'F', ..]) => Held::Fence,
            Some(other) => panic!("{entry} holds {other:?}"),
        }
    }

    /// Milliseconds until a key runs out; -1 without a TTL, -2 without a key.
    pub(super) async fn life_ms(&self, entry: &str) -> i64 {
        redis::from_redis_value(self.command("PTTL", entry, &[]).await).expect("PTTL gives a number")
    }

    /// The name and the life of every key there is.
    pub(super) async fn all_lives_ms(&self) -> Vec<(String, i64)> {
        let mut keys = cmd("KEYS");
        keys.arg(self.redis.handle().key("*"));
        let names: Vec<String> = redis::from_redis_value(run(&self.redis, keys).await).expect("names");
        let namespace = self.redis.handle().namespace().len();
        let mut lives = Vec::with_capacity(names.len());
        for name in &names {
            lives.push((name[namespace..].to_owned(), self.life_ms(&name[namespace..]).await));
        }
        lives
    }

    /// Loses an entry, as an eviction does.
    pub(super) async fn evict(&self, entry: &str) {
        self.command("DEL", entry, &[]).await;
    }

    /// Waits until an entry holds this.
    pub(super) async fn until(&self, entry: &str, held: Held) {
        eventually(&format!("{entry} holds {held:?}"), async || self.held(entry).await == held).await;
    }
}

/// Runs one command; a refused one is a [`Value::ServerError`].
pub(super) async fn run(redis: &TestRedis, command: Cmd) -> Value {
    let mut pipeline = Pipeline::new();
    pipeline.add_command(command);
    redis.query(&pipeline).await.remove(0)
}
