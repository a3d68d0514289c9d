//! The cells of one kind: what reads and flights of them share.

use std::time::Duration;

use super::{
    flight::Flights,
    loader::Loader,
    shared::{Cache, CellName},
};

#[derive(Debug)]
pub(super) struct Inner<L: Loader> {
    pub(super) cache: Cache,
    pub(super) loader: L,
    pub(super) ttl: Duration,
    pub(super) flights: Flights<L::Id>,
}

impl<L: Loader> Inner<L> {
    pub(super) fn cell(id: &L::Id) -> CellName {
        CellName::new(L::ENTITY, id)
    }
}
