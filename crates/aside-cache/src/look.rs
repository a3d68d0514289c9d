//! The look at cells: `MGET`, before anything is loaded.
//!
//! Readers of one cell share a look that was issued after each of them arrived, and there is never more than one in the air:
//! when everybody asks for a cell at the moment that its copy is gone, a dozen looks are enough for ten thousand readers,
//! and what the first of them finds is kept for the rest. Those of many cells at once, as pages are, look for themselves.

use std::{iter, slice, sync::Arc};

use aside_runtime::timings::{Waiting, waiting};
use tokio::task;

use super::{
    entry_id::EntryId,
    flight::{Flight, Look, Role},
    loader::Loader,
    near::{Kind, Markers, Near},
    reader::Reader,
};

impl<L: Loader> Reader<L> {
    /// Looks at these cells, and keeps what Redis holds where copies are current, which `near` tells. Whatever goes wrong is
    /// a miss.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting, or the look; others who were to share it then have seen nothing.
    pub(super) async fn look(self: &Arc<Self>, ids: &[L::Id], near: Option<&(Near, Kind)>) -> Look {
        match ids {
            // Those for whom copies are not current place no markers, so they are not among those who do.
            [id] if near.is_some() == self.near.is_some() => self.look_together(id).await,
            _several_or_not_current => self.look_at(ids, near).await,
        }
    }

    async fn look_together(self: &Arc<Self>, id: &L::Id) -> Look {
        let (flight, role) = self.looks.board(id);
        if role != Role::Starter {
            return waiting(Waiting::Cache, flight.answer()).await;
        }
        let mut lookout = Lookout { reader: Arc::clone(self), id: id.clone(), flight: Some(flight) };
        let look = lookout.look().await;
        if lookout.land(look.clone()) {
            // Whoever came meanwhile is not kept waiting by what becomes of this reader.
            self.cache.shutdown.spawn(lookout.look_on());
        }
        look
    }

    async fn look_at(self: &Arc<Self>, ids: &[L::Id], near: Option<&(Near, Kind)>) -> Look {
        // Before the cells are looked at.
        let markers = Markers::place(near, ids.iter().map(EntryId::to_bytes));
        let looked = match self.cache.handle() {
            Ok(handle) => self.cache.look(&handle, L::ENTITY, ids).await.map(|states| (states, handle.identity())),
            Err(error) => Err(error),
        };
        let mut hits = match looked {
            Ok((states, identity)) => self.hits(ids, states, identity),
            Err(error) => {
                tracing::debug!(entity = L::ENTITY, error = &error as &dyn std::error::Error, "look failed");
                vec![None; ids.len()]
            }
        };
        for (at, hit) in hits.iter_mut().enumerate() {
            if let Some(hit) = hit {
                hit.stamp = markers.keep(at, &hit.value);
            }
        }
        Look { hits, markers }
    }
}

/// The duty to look at one cell as long as somebody waits for a look.
struct Lookout<L: Loader> {
    reader: Arc<Reader<L>>,
    id: L::Id,
    /// What boards, or is in the air.
    flight: Option<Arc<Flight<Look>>>,
}

impl<L: Loader> Lookout<L> {
    async fn look(&self) -> Look {
        self.reader.looks.set_boarding(iter::once(&self.id), false);
        self.reader.look_at(slice::from_ref(&self.id), self.reader.near.as_ref()).await
    }

    /// One look after the other, until nobody waits for one.
    async fn look_on(mut self) {
        loop {
            // Whoever is ready to read boards first: the fuller a look, the fewer there are.
            task::yield_now().await;
            let look = self.look().await;
            if !self.land(look) {
                return;
            }
        }
    }

    /// Tells those on board. False when nobody waits for another.
    fn land(&mut self, look: Look) -> bool {
        let Some(flight) = self.flight.take() else { return false };
        self.flight = self.reader.looks.land(&self.id, &flight, look);
        self.flight.is_some()
    }
}

impl<L: Loader> Drop for Lookout<L> {
    /// Its reader has gone away, or whatever else has ended it: nobody waits for ever. Who has waited loads, or finds the value on
    /// the way to that.
    fn drop(&mut self) {
        while self.land(Look::in_vain()) {}
    }
}
