//! Evidence, as lines for people.

use std::fmt::Write as _;

use super::index::Index;
use crate::{
    history::{OTHER_PROGRAM, Outcome, Read, Seen, Write},
    time::{Interval, seconds},
};

/// A read, the writes it is held against, and the faults that were on between them.
pub(super) fn of_read(index: &Index<'_>, read: &Read, writes: &[usize], what: &str) -> String {
    let mut text = format!("{what}\n    read   {}\n", describe_read(read));
    let mut time = read.interval;
    for &place in writes {
        let write = &index.history.writes[place];
        let _ = writeln!(text, "    write  {}", describe_write(write));
        time.start = time.start.min(write.interval.start);
    }
    text + &faults(index, time)
}

/// Two or more writes that do not go together.
pub(super) fn of_writes(index: &Index<'_>, writes: &[usize], what: &str) -> String {
    let mut text = format!("{what}\n");
    let mut time: Option<Interval> = None;
    for &place in writes {
        let write = &index.history.writes[place];
        let _ = writeln!(text, "    write  {}", describe_write(write));
        let Interval { start, end } = write.interval;
        time =
            Some(time.map_or(write.interval, |time| Interval { start: time.start.min(start), end: time.end.max(end) }));
    }
    time.map_or(text.clone(), |time| text + &faults(index, time))
}

fn faults(index: &Index<'_>, time: Interval) -> String {
    let on = index.history.faults.iter().filter(|fault| fault.interval.overlaps(time));
    let lines = on.map(|fault| format!("    fault  {} {}\n", span(fault.interval), fault.name));
    lines.collect()
}

fn describe_read(read: &Read) -> String {
    let seen = match &read.seen {
        Seen::Home(page) => {
            let posts: Vec<u32> = page.items.iter().map(|item| item.post).collect();
            format!("home page of {:?} with posts {posts:?}, last page: {}", page.viewer, page.is_last)
        }
        other => format!("{other:?}"),
    };
    let session = match read.session {
        Some((session, true)) => format!(", session {session}"),
        Some((session, false)) => format!(", session {session} refused"),
        None => String::new(),
    };
    format!("{} client {} at {}{session}: {seen}", span(read.interval), read.client, replica(read.replica))
}

fn describe_write(write: &Write) -> String {
    let outcome = match write.outcome {
        Outcome::Done => "acknowledged",
        Outcome::Refused => "refused",
        Outcome::Unknown => "outcome unknown",
    };
    let Write { number, client, interval, action, .. } = write;
    format!("{} client {client} at {}, {outcome}: write {number}, {action:?}", span(*interval), replica(write.replica))
}

fn replica(number: u8) -> String {
    if number == OTHER_PROGRAM { "Postgres itself".to_owned() } else { format!("replica {number}") }
}

fn span(interval: Interval) -> String {
    let end = if interval.end == u64::MAX { "…".to_owned() } else { seconds(interval.end) };
    format!("[{} .. {end}]", seconds(interval.start))
}
