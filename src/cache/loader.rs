//! What the cache asks of the source of truth.

use std::{fmt, future::Future, hash::Hash, time::Duration};

use bytes::Bytes;

use super::{error::LoadError, near::IdBytes, value::CellValue};

/// Loads one kind of cell from the source of truth.
pub trait Loader: Send + Sync + 'static {
    /// The kind: label of its metrics and first part of its keys.
    const ENTITY: &'static str;

    /// What tells cells of this kind apart; its text is the second part of the key.
    type Id: Clone + Eq + Hash + fmt::Debug + fmt::Display + Send + Sync + 'static;

    /// The id in bytes that no other of this kind has.
    fn id_bytes(id: &Self::Id) -> IdBytes;

    /// Reads an id's text, as it stands in the names of cells.
    fn parse_id(text: &str) -> Option<Self::Id>;

    /// Loads the cells of `ids` in one statement, in autocommit on the primary: a snapshot older than the statement
    /// would let a reader store what a finished write has replaced. Gives one [`Loaded`] for each id, in their order; no id
    /// comes twice.
    fn load(&self, ids: &[Self::Id]) -> impl Future<Output = Result<Vec<Loaded>, LoadError>> + Send;

    /// How much longer than to its soft end a cell certainly lives, one whose longest life is `ttl`: see `early`. For cells
    /// that end earlier than others, to be told otherwise.
    #[must_use]
    fn grace(ttl: Duration) -> Duration {
        ttl / 5
    }

    /// Whether a value that was in a cell says what was loaded since, for the self-check. To be told otherwise where a load
    /// has no order of its own, or where a cell may lag on purpose.
    fn agrees(&self, held: &CellValue, loaded: &Loaded) -> bool {
        held.payload == loaded.payload && held.version == loaded.version
    }
}

/// What the source of truth says of one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The bytes to keep, `None` when there is no such thing: absence is remembered too, for seconds.
    pub payload: Option<Bytes>,
    /// The row's version; 0 where rows have none.
    pub version: u64,
    /// The cell may not outlive this moment (milliseconds since the epoch), however long cells live.
    pub lives_until_ms: Option<i64>,
}

impl Loaded {
    /// There is no such thing.
    #[must_use]
    pub fn absent() -> Self {
        Self { payload: None, version: 0, lives_until_ms: None }
    }

    /// A payload that may live as long as cells live.
    #[must_use]
    pub fn present(payload: Bytes, version: u64) -> Self {
        Self { payload: Some(payload), version, lives_until_ms: None }
    }
}
