//! Composed pages: values that are composed of entries, and kept in this process with their dependencies. They are as exact as the
//! near entries that they were composed of.
//!
//! A page outlives the soft ends of its entries, but not their lives. In between it is rebuilt: one page at a time, in the
//! background, while it is served. Otherwise a page would be composed again each time that one of its hundred entries is due.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    dependencies::Dependencies,
    entry::NearPage,
    freshness::{Near, NearKind},
    request::share_freshness_check,
};
use crate::{entry_id::IdBytes, protocol::Protocol};

/// Composed pages of one kind. Clones share them.
#[derive(Clone, Debug)]
pub struct ComposedPages {
    protocol: Protocol,
    near: Option<NearKind>,
    /// One rebuild at a time.
    rebuilds: Arc<Semaphore>,
}

/// A page that was composed before, and would be composed the same now.
#[derive(Debug)]
pub struct ComposedPage {
    /// The value.
    pub value: Bytes,
    /// The number of entries that it was composed of.
    pub entries: usize,
    /// When the first of them is due for a refresh, milliseconds since the epoch.
    pub expires_at_ms: i64,
    /// Given to the one reader that should have it rebuilt.
    pub rebuild: Option<Rebuild>,
}

/// The right to rebuild a page; given back when it is dropped.
#[derive(Debug)]
pub struct Rebuild {
    protocol: Protocol,
    _permit: OwnedSemaphorePermit,
}

impl Rebuild {
    /// Rebuilds it, in a task of its own.
    pub fn spawn(self, compose: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.protocol.shutdown.clone();
        shutdown.spawn_until_drained(async move {
            share_freshness_check(compose).await;
            drop(self);
        });
    }
}

impl ComposedPages {
    /// Pages of this name, which no kind of entries has.
    pub(crate) fn new(protocol: Protocol, near: Option<&Near>, name: &'static str) -> Self {
        // No message names them.
        let near = near.map(|near| near.kind(name, |_| None));
        Self { protocol, near, rebuilds: Arc::new(Semaphore::new(1)) }
    }

    /// The page of this name, if it would be composed the same by a read that has just arrived.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting.
    pub async fn find(&self, id: IdBytes) -> Option<ComposedPage> {
        let near = self.near.as_ref()?;
        if !near.is_current().await {
            return None;
        }
        let now_ms = self.protocol.clock.now_ms();
        let page = near.entries().get_page(&(near.kind, id), now_ms)?;
        let dependencies = page.dependencies();
        let (entries, expires_at_ms) = (dependencies.versions.len(), dependencies.expires_at_ms);
        let rebuild = if dependencies.is_due(now_ms) { self.rebuild() } else { None };
        Some(ComposedPage { value: page.into_bytes(), entries, expires_at_ms, rebuild })
    }

    /// Keeps a page, if it was composed of nothing but near entries.
    pub fn keep(&self, id: IdBytes, value: &[u8], dependencies: Dependencies) {
        if let Some(near) = &self.near
            && let Some(dependencies) = dependencies.finish(self.protocol.clock.now_ms())
        {
            near.entries().keep_page((near.kind, id), NearPage::new(value, dependencies));
        }
    }

    fn rebuild(&self) -> Option<Rebuild> {
        let permit = Arc::clone(&self.rebuilds).try_acquire_owned().ok()?;
        Some(Rebuild { protocol: self.protocol.clone(), _permit: permit })
    }
}
