//! The cell protocol: leases, fences and lifts, without what lies around them.

pub mod bounds;
pub mod cell;
pub mod event;
mod pack;
pub mod process;
pub mod property;
pub mod rules;
pub mod state;
pub mod steps;
mod trace;
pub mod variants;
