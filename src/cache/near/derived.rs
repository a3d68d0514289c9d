//! What was put together from cells, kept as long as it would be put together the same.
//!
//! A value goes with its *recipe*: the stamps of all copies that it was made of, each taken before its copy was. A slot that
//! is emptied changes its stamp; so while all stamps are the same, all copies are, whether they are still here or not, and
//! the value is as exact as they were.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    IdBytes, Near,
    copies::Kind,
    stamps::{Stamp, Stamps},
};
use crate::cache::{shared::Cache, value::Fetched};

/// The copies that something was made of.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// `None` once something else than a current copy was used.
    stamps: Option<Vec<Stamp>>,
    /// When the first of the copies runs out, milliseconds since the epoch.
    expires_at_ms: i64,
}

impl Recipe {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { stamps: Some(Vec::with_capacity(128)), expires_at_ms: i64::MAX }
    }

    /// This is used.
    pub fn add(&mut self, fetched: &Fetched) {
        match (&mut self.stamps, fetched.stamp) {
            (Some(stamps), Some(stamp)) => stamps.push(stamp),
            _not_all_copies => self.stamps = None,
        }
        self.expires_at_ms = self.expires_at_ms.min(fetched.value.expires_at_ms);
    }

    /// Something is used that is no cell.
    pub fn spoil(&mut self) {
        self.stamps = None;
    }

    /// How many copies.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.stamps.as_ref().map_or(0, Vec::len)
    }

    /// When the first of them runs out, milliseconds since the epoch.
    #[must_use]
    pub fn expires_at_ms(&self) -> i64 {
        self.expires_at_ms
    }

    pub(super) fn size(&self) -> usize {
        self.copies() * size_of::<Stamp>()
    }

    pub(super) fn is_good(&self, stamps: &Stamps, now_ms: i64) -> bool {
        now_ms < self.expires_at_ms && self.stamps.as_ref().is_some_and(|made_of| stamps.are_good(made_of))
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self::new()
    }
}

/// Values of one kind that are derived from cells.
#[derive(Clone, Debug)]
pub struct Derived {
    cache: Cache,
    near: Option<(Near, Kind)>,
}

impl Derived {
    /// A kind of this name, which no kind of cells has.
    #[must_use]
    pub fn new(cache: Cache, name: &'static str) -> Self {
        // No message is about them.
        let near = cache.near.clone().map(|near| {
            let kind = near.kind(name, |_| None);
            (near, kind)
        });
        Self { cache, near }
    }

    /// The value of this name and what it is made of, if it would be made the same by a read that has just arrived.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting.
    pub async fn find(&self, id: IdBytes) -> Option<(Bytes, Arc<Recipe>)> {
        let (near, kind) = self.near.as_ref()?;
        let handle = self.cache.handle().ok()?;
        if !near.is_current(handle.namespace()).await {
            return None;
        }
        let found = near.copies().get_derived(&(*kind, id), self.cache.clock.now_ms());
        // As for copies, asked when it is in hand.
        found.filter(|_| self.cache.gate.is_open())
    }

    /// Keeps a value, if it was made of nothing but copies.
    pub fn keep(&self, id: IdBytes, value: Bytes, recipe: Recipe) {
        if let Some((near, kind)) = &self.near
            && recipe.stamps.is_some()
        {
            near.copies().keep_derived((*kind, id), value, recipe);
        }
    }
}
