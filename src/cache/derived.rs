//! What was put together from cells, kept in this process with its recipe: as exact as the copies that it was made of.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    near::{IdBytes, Kind, Near, Recipe},
    shared::Cache,
};

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
        let near = cache.copies_of(name, |_| None);
        Self { cache, near }
    }

    /// The value of this name and what it is made of, if it would be made the same by a read that has just arrived.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting.
    pub async fn find(&self, id: IdBytes) -> Option<(Bytes, Arc<Recipe>)> {
        let (near, kind) = self.near.as_ref()?;
        if !self.cache.is_current(near).await {
            return None;
        }
        let found = near.derived(&(*kind, id), self.cache.clock.now_ms());
        found.filter(|_| self.cache.gate.is_open())
    }

    /// Keeps a value, if it was made of nothing but copies.
    pub fn keep(&self, id: IdBytes, value: Bytes, recipe: Recipe) {
        if let Some((near, kind)) = &self.near
            && recipe.is_of_copies()
        {
            near.keep_derived((*kind, id), value, recipe);
        }
    }
}
