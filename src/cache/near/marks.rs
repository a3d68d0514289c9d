//! Which reader may fill which slot: the markers that are placed now.
//!
//! Beside the slots and not in them: to the library that holds those, a copy in place of a marker has been asked for a second time,
//! so that each cell of a page that is made once would drive out what is read again and again.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

use quick_cache::DefaultHashBuilder;

use super::key::Key;

/// Each with a lock of its own.
const SHARDS: usize = 64;

/// At most one marker for each slot: its number is that marker's alone. With one that is not, a reader would keep what it saw
/// before a fence in the slot that another reader has marked after it.
#[derive(Debug)]
pub(super) struct Marks {
    shards: Vec<Mutex<Shard>>,
    hasher: DefaultHashBuilder,
}

type Shard = HashMap<Key, u64, DefaultHashBuilder>;

impl Marks {
    /// None.
    pub(super) fn new() -> Self {
        let hasher = DefaultHashBuilder::default();
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))).collect();
        Self { shards, hasher }
    }

    /// Places a marker, instead of another's.
    pub(super) fn place(&self, key: Key, number: u64) {
        self.shard(&key).insert(key, number);
    }

    /// Takes a marker away, if it is the one of this number; then does `fill` before anybody else can place, take or sweep one there.
    pub(super) fn take(&self, key: &Key, number: u64, fill: impl FnOnce()) -> bool {
        let mut shard = self.shard(key);
        let is_there = shard.get(key) == Some(&number);
        if is_there {
            shard.remove(key);
            fill();
        }
        is_there
    }

    /// Takes away whatever marker is there.
    pub(super) fn sweep(&self, key: &Key) {
        self.shard(key).remove(key);
    }

    /// Takes all away.
    pub(super) fn sweep_all(&self) {
        self.shards.iter().for_each(|shard| lock(shard).clear());
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key).to_le_bytes();
        // Other bits than those by which the map itself chooses.
        lock(&self.shards[usize::from(hash[4]) % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // No code under this lock can leave the map half changed, so a panic elsewhere does not make it unusable.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
