//! What lies around the cell protocol: the near cache with the sequence, the outbox with its relays, and the gate.
//!
//! Two replicas, one row, one cell. The cell's own steps are taken from [`fencing`](crate::fencing), which has proved
//! them, and made coarser: look and `SET NX` are one step, a statement and its snapshot are one step, nobody refreshes
//! early. Every token is named in one cell or one slot at most, so it is kept as a mark at whoever would know it there
//! again, and the model needs no names at all.

pub mod bounds;
pub mod event;
mod numbers;
mod pack;
pub mod process;
pub mod property;
pub mod replica;
pub mod rules;
pub mod state;
pub mod steps;
mod trace;
pub mod variants;
