//! What was put together from cells, kept in this process with its recipe: as exact as the copies that it was made of.
//!
//! It outlives the soft ends of its cells, but not their lives, and is made again in between: by one at a time, in the background,
//! while it is served. Without that, everything kept would be made again each time that one of its hundred cells is due.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    near::{IdBytes, Kind, Near, Recipe, look_once},
    shared::Protocol,
};

/// Values of one kind that are derived from cells. Clones share them.
#[derive(Clone, Debug)]
pub struct Derived {
    cache: Protocol,
    near: Option<(Near, Kind)>,
    /// Who makes one again.
    making: Arc<Semaphore>,
}

/// A value that was derived before, and would be derived the same now.
#[derive(Debug)]
pub struct Kept {
    /// The value.
    pub value: Bytes,
    /// Of how many copies it was made.
    pub copies: usize,
    /// When the first of their cells is due for a refresh, milliseconds since the epoch.
    pub expires_at_ms: i64,
    /// Given to the one reader who should have it made again.
    pub again: Option<Again>,
}

/// One's turn at making a value again; over when it is dropped.
#[derive(Debug)]
pub struct Again {
    cache: Protocol,
    _turn: OwnedSemaphorePermit,
}

impl Again {
    /// Makes it, in a task of its own.
    pub fn spawn(self, make: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.cache.shutdown.clone();
        shutdown.spawn_until_drained(async move {
            look_once(make).await;
            drop(self);
        });
    }
}

impl Derived {
    /// A kind of this name, which no kind of cells has.
    #[must_use]
    pub fn new(cache: Protocol, name: &'static str) -> Self {
        // No message is about them.
        let near = cache.copies_of(name, |_| None);
        Self { cache, near, making: Arc::new(Semaphore::new(1)) }
    }

    /// The value of this name, if it would be made the same by a read that has just arrived.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting.
    pub async fn find(&self, id: IdBytes) -> Option<Kept> {
        let (near, kind) = self.near.as_ref()?;
        if !self.cache.is_current(near).await {
            return None;
        }
        let now_ms = self.cache.clock.now_ms();
        let value = near.derived(&(*kind, id), now_ms).filter(|_| self.cache.gate.is_open())?;
        let recipe = value.recipe();
        let (copies, expires_at_ms) = (recipe.copies(), recipe.expires_at_ms());
        let again = if recipe.is_due(now_ms) { self.again() } else { None };
        Some(Kept { value: value.into_bytes(), copies, expires_at_ms, again })
    }

    /// Keeps a value, if it was made of nothing but copies.
    pub fn keep(&self, id: IdBytes, value: &[u8], recipe: Recipe) {
        if let Some((near, kind)) = &self.near
            && let Some(recipe) = recipe.finish(self.cache.clock.now_ms())
        {
            near.keep_derived((*kind, id), value, recipe);
        }
    }

    fn again(&self) -> Option<Again> {
        let turn = Arc::clone(&self.making).try_acquire_owned().ok()?;
        Some(Again { cache: self.cache.clone(), _turn: turn })
    }
}
