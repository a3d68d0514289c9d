//! The cache as a program uses it.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    audit::{CheckedKind, Verifier},
    database::Database,
    loader::Loader,
    near::{ComposedPages, Near},
    outbox::Acknowledged,
    protocol::Protocol,
    read::ReadThrough,
};

/// An exact cache of what is in one database. Clones share everything; [`builder`](Self::builder) makes one.
#[derive(Clone, Debug)]
pub struct Cache {
    pub(super) protocol: Protocol,
    /// With [`Mode::Near`](super::Mode::Near).
    pub(super) near: Option<Near>,
    pub(super) database: Database,
    /// Rows of own writes whose release was confirmed.
    pub(super) acknowledged: Acknowledged,
    /// To the self-check.
    pub(super) kinds: mpsc::UnboundedSender<CheckedKind>,
}

impl Cache {
    /// The entries of one kind, which live for `ttl` at most. Invalidation is exact, so the TTL bounds memory and not staleness.
    #[must_use]
    pub fn entity<L: Loader>(&self, loader: L, ttl: Duration) -> ReadThrough<L> {
        let loader = Arc::new(loader);
        if L::IS_CHECKED {
            let verifier = Verifier::new(self.protocol.clone(), Arc::clone(&loader));
            // Without its background tasks a cache checks nothing.
            let _not_checked = self.kinds.send(CheckedKind::new(Box::new(verifier), &self.protocol.metrics));
        }
        ReadThrough::new(self.protocol.clone(), self.near.as_ref(), loader, ttl)
    }

    /// Pages of this name that are composed of entries and kept in this process.
    #[must_use]
    pub fn composed(&self, name: &'static str) -> ComposedPages {
        ComposedPages::new(self.protocol.clone(), self.near.as_ref(), name)
    }

    /// The steps of the protocol one by one, for writers with transactions of their own.
    #[must_use]
    pub fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// Whether reads can be answered from Redis right now.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.protocol.is_available()
    }

    /// Resolves when Redis is trusted.
    pub async fn trusted(&self) {
        self.protocol.trust().recovered().await;
    }
}
