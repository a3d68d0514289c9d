//! What goes wrong, when, and for how long: drawn from a seed before anything begins, at random times, never periodic.
//!
//! A fault is on from right before it is made until everything that it broke was seen to be well again: the replica ready,
//! its connections up. That is what its [`FaultSpan`](crate::history::FaultSpan) says.

mod inflict;
mod kind;
mod log;
mod schedule;

pub use inflict::Saboteur;
pub use kind::{FaultKind, parse_kinds};
pub use log::FaultLog;
pub use schedule::{Planned, schedule, usual_gap};
