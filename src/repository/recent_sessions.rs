//! Sessions that this process has seen as good lately, whatever `CACHE_MODE` says: a flood of made-up tokens must not keep them out.

use quick_cache::sync::Cache;

use crate::{auth::TokenHash, domain::UserId};

/// Sessions remembered: some 6 MB. One more pushes one out that was asked for least.
const CAPACITY: usize = 65_536;

/// Who owned which session when it was last looked up. Says nothing of whether it still lives.
#[derive(Debug)]
pub(super) struct RecentSessions(Cache<TokenHash, UserId>);

impl RecentSessions {
    pub(super) fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    pub(super) fn insert(&self, token: TokenHash, owner: UserId) {
        self.0.insert(token, owner);
    }

    pub(super) fn remove(&self, token: &TokenHash) {
        self.0.remove(token);
    }

    pub(super) fn owner(&self, token: &TokenHash) -> Option<UserId> {
        self.0.get(token)
    }
}
