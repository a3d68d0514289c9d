//! A map in shards, each behind a lock of its own: many may use it at once, and few of them meet.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use quick_cache::DefaultHashBuilder;

const SHARDS: usize = 64;

/// One of the maps that the whole is made of.
pub type Shard<K, V> = HashMap<K, V, DefaultHashBuilder>;

/// A map in shards. What is done while a shard is held leaves it whole wherever it ends: a panic does not make it unusable.
#[derive(Debug)]
pub struct Sharded<K, V> {
    shards: Vec<Mutex<Shard<K, V>>>,
    hasher: DefaultHashBuilder,
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Self {
        let hasher = DefaultHashBuilder::default();
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))).collect();
        Self { shards, hasher }
    }
}

impl<K: Hash, V> Sharded<K, V> {
    /// The shard where this key is, or would be.
    pub fn of(&self, key: &K) -> MutexGuard<'_, Shard<K, V>> {
        let hash = self.hasher.hash_one(key).to_le_bytes();
        // Other bits than those by which the map itself chooses.
        lock(&self.shards[usize::from(hash[4]) % SHARDS])
    }

    /// One shard after the other, each held until it is dropped.
    pub fn all(&self) -> impl Iterator<Item = MutexGuard<'_, Shard<K, V>>> {
        self.part(0, 1)
    }

    /// One of so many parts of it, shard by shard; `part` is below `parts`.
    pub fn part(&self, part: usize, parts: usize) -> impl Iterator<Item = MutexGuard<'_, Shard<K, V>>> {
        self.shards.iter().skip(part).step_by(parts).map(lock)
    }
}

fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
