//! The loader: how entries of one kind are loaded from the source of truth.

use std::{collections::HashMap, future::Future, hash::Hash, time::Duration};

use bytes::Bytes;

use super::{entry_id::EntryId, error::LoadError, protocol::EntryValue};

/// Loads one kind of entry from the source of truth.
pub trait Loader: Send + Sync + 'static {
    /// The kind: label of its metrics and first part of its keys.
    const ENTITY: &'static str;

    /// Whether the self-check compares entries of this kind with what is loaded: not those that may lag on purpose.
    const IS_CHECKED: bool = true;

    /// The id of an entry of this kind.
    type Id: EntryId;

    /// Loads the rows of `ids` in one statement, in autocommit on the primary: a snapshot older than the statement
    /// would let a reader store what a finished write has replaced. Gives one [`Loaded`] for each id, in their order; no id
    /// comes twice.
    fn load(&self, ids: &[Self::Id]) -> impl Future<Output = Result<Vec<Loaded>, LoadError>> + Send;

    /// How much longer than to its soft end an entry certainly lives whose longest life is `ttl`. To be overridden for entries
    /// that end earlier than others.
    #[must_use]
    fn grace(ttl: Duration) -> Duration {
        ttl / 5
    }

    /// Whether the value of an entry agrees with what was loaded since, for the self-check. To be overridden where a load
    /// has no order of its own, or where an entry may lag on purpose.
    fn agrees(&self, held: &EntryValue, loaded: &Loaded) -> bool {
        held.payload == loaded.payload && held.version == loaded.version
    }
}

/// The row of one entry, as it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The bytes to store, `None` when there is no such row: absence is cached too, for seconds.
    pub payload: Option<Bytes>,
    /// The row's version; 0 where rows have none.
    pub version: u64,
    /// The entry may not outlive this moment (milliseconds since the epoch), however long other entries live.
    pub lives_until_ms: Option<i64>,
}

impl Loaded {
    /// One for each of `ids`, in their order; an id without a row is absent.
    #[must_use]
    pub fn in_order<Id: Eq + Hash>(ids: &[Id], rows: impl IntoIterator<Item = (Id, Self)>) -> Vec<Self> {
        let mut rows: HashMap<Id, Self> = rows.into_iter().collect();
        ids.iter().map(|id| rows.remove(id).unwrap_or_else(Self::absent)).collect()
    }

    /// There is no such row.
    #[must_use]
    pub fn absent() -> Self {
        Self { payload: None, version: 0, lives_until_ms: None }
    }

    /// A payload that may live as long as entries of its kind live.
    #[must_use]
    pub fn present(payload: Bytes, version: u64) -> Self {
        Self { payload: Some(payload), version, lives_until_ms: None }
    }
}
