//! What reading one kind of cell takes: the shared cache, the loader, and the flights of this process.

use std::time::Duration;

use super::{
    flight::Flights,
    loader::Loader,
    shared::{Cache, CellName},
};

/// The insides of a [`ReadThrough`](super::ReadThrough), shared with the flights that it starts.
#[derive(Debug)]
pub(super) struct Reader<L: Loader> {
    pub(super) cache: Cache,
    pub(super) loader: L,
    pub(super) ttl: Duration,
    pub(super) flights: Flights<L::Id>,
}

impl<L: Loader> Reader<L> {
    /// The name of a cell of this kind.
    pub(super) fn cell(id: &L::Id) -> CellName {
        CellName::new(L::ENTITY, id)
    }
}
