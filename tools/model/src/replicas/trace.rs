//! A trace as a timeline to read.

use std::fmt::{self, Display, Formatter};

use super::event::Actor;
use super::replica::{Gate, Link, Replica, Slot};
use super::state::{Cell, State, Version, Versions};
use super::steps::Setting;
use crate::explore::Trace;

impl Display for Trace<Setting> {
    /// One line for each step: who does what, and what is there after it. A replica is shown by the number that it has
    /// applied, its slot, its gate and its floor.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (who, did) = ("who", "does what");
        writeln!(out, "{:>3}  {who:<12} {did:<76} row cell   seq outbox   A: applied slot gate floor   B", "")?;
        for (number, (event, state)) in self.steps.iter().enumerate() {
            let (who, did) = (name(event.actor), event.what.text());
            let State { row, outbox, .. } = state;
            let (cell, sequence, rows) = (cell(state.cell), count(state.sequence), versions(outbox.rows));
            let [a, b] = state.replicas.map(|one| replica(&one));
            let number = number + 1;
            writeln!(out, "{number:>3}  {who:<12} {did:<76} v{row}  {cell:<6} {sequence:<3} {rows:<8} {a:<27} {b}")?;
        }
        writeln!(out, "     ^ stale: the last reader, or one who joined it, got something older than its floor")
    }
}

fn name(actor: Actor) -> String {
    let letter = |at: usize| ["A", "B"].get(at).copied().unwrap_or("some");
    match actor {
        Actor::Reader(at, index) => format!("{} reader {}", letter(at), index + 1),
        Actor::Writer(at) => format!("{} writer", letter(at)),
        Actor::Relay(at) => format!("{} relay", letter(at)),
        Actor::Listener(at) => format!("{} listener", letter(at)),
        Actor::Gate(at) => format!("{} gate", letter(at)),
        Actor::Replica(at) => format!("{} replica", letter(at)),
        Actor::Stray(_) => "network".to_owned(),
        Actor::Redis => "redis".to_owned(),
        Actor::Program => "program".to_owned(),
        Actor::Other => "other writer".to_owned(),
    }
}

fn cell(cell: Cell) -> String {
    match cell {
        Cell::Absent => "-".to_owned(),
        Cell::Value(version) => format!("v{version}"),
        Cell::Lease => "lease".to_owned(),
        Cell::Fence { .. } => "fence".to_owned(),
    }
}

fn count(number: Option<u8>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}

fn versions(set: Versions) -> String {
    let members = (1..=3).filter(|version: &Version| !set.and(Versions::only(*version)).is_empty());
    let members: Vec<String> = members.map(|version| format!("v{version}")).collect();
    if members.is_empty() { "-".to_owned() } else { members.join(",") }
}

fn replica(replica: &Replica) -> String {
    let slot = match replica.slot {
        Slot::Empty => "-".to_owned(),
        Slot::Marker => "marker".to_owned(),
        Slot::Copy(version) => format!("v{version}"),
    };
    let gate = match (replica.link, replica.gate) {
        (Link::Broken, _) => "broken",
        (Link::Down, _) => "down",
        (Link::Starting, _) => "starting",
        (Link::Up, Gate::Open) => "open",
        (Link::Up, Gate::Closed) => "closed",
        (Link::Up, Gate::Waiting(_)) => "waiting",
    };
    format!("{} {slot} {gate} v{}", count(replica.applied), replica.floor)
}
