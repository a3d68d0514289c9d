//! A trace as a timeline to read.

use std::fmt::{self, Display, Formatter};

use crate::explore::Trace;
use crate::fencing::cell::Cell;
use crate::fencing::event::{Actor, What};
use crate::fencing::state::State;
use crate::fencing::steps::Setting;
use crate::model::Violation;

impl Display for Trace<Setting> {
    /// One line for each step: who does what, and the row and the cell after it.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:>3}  {:<9} {:<78} {:<4} {:<24} floor", "", "who", "does what", "row", "cell")?;
        for (number, (event, state)) in self.steps.iter().enumerate() {
            let (who, did) = (name(event.actor), event.what.text());
            let read = detail(event.what, event.actor, state);
            let did = format!("{did}{read}");
            let (row, cell, floor) = (state.row, cell(state.cell), state.floor);
            writeln!(out, "{:>3}  {who:<9} {did:<78} v{row:<3} {cell:<24} v{floor}", number + 1)?;
        }
        writeln!(out, "     {}", verdict(self.violation))
    }
}

fn name(actor: Actor) -> String {
    match actor {
        Actor::Reader(index) => format!("reader {}", index + 1),
        Actor::Writer(index) => format!("writer {}", index + 1),
        Actor::Stray(_) => "network".to_owned(),
        Actor::Redis => "redis".to_owned(),
        Actor::Replica => "replica".to_owned(),
    }
}

/// The version that a reader has just got to know.
fn detail(what: What, actor: Actor, after: &State) -> String {
    match (what, actor) {
        (What::SnapshotTaken | What::LoadsBeforeTheGrant, Actor::Reader(index)) => {
            format!(": v{}", after.readers[index].version)
        }
        _ => String::new(),
    }
}

fn cell(cell: Cell) -> String {
    match cell {
        Cell::Absent => "absent".to_owned(),
        Cell::Value { version, refresh } if refresh.is_named() => {
            format!("value v{version}, refresh #{}", refresh.0)
        }
        Cell::Value { version, .. } => format!("value v{version}"),
        Cell::Lease(token) => format!("lease #{}", token.0),
        Cell::Fence(token) => format!("fence #{}", token.0),
    }
}

fn verdict(violation: Violation) -> &'static str {
    match violation {
        Violation::Stale => "^ stale: the last reader, or one who joined it, got something older than its floor",
        Violation::Invented => "^ invented: the last reader got something that was never committed",
        Violation::Stuck => "^ stuck: nobody has the token in the cell and it has no TTL",
    }
}
