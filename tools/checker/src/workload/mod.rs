//! The clients: many at once, each making one call after the other, at replicas drawn at random.
//!
//! A few users are much hotter than the others, so that reads meet writes of the same row all the time; and whoever has
//! written something reads it, or has it read, right after.

mod answers;
mod client;
mod connection;
mod other_program;
mod population;
mod reading;
mod signing;
mod tally;
mod writing;

pub use client::{Client, ClientSetting};
pub use connection::{Answer, Connection, NoAnswer};
pub use other_program::OtherProgram;
pub use population::Population;
pub use tally::{Aftermath, Tally};
