//! What has been applied of the sequence, and the slots that it empties.
//!
//! | heard | does |
//! |---|---|
//! | the number after the one applied last | empties the slots of its cells |
//! | any other number | something was not heard: empties all slots |
//! | a look's number that does not become applied in time | likewise |
//! | the connection is new, or lost | likewise; nothing is current until a look on a new connection was answered |
//!
//! Slots are emptied first, and then the number counts as applied: who has waited for it finds them empty.

use std::time::Duration;

use tokio::{sync::watch, time};

use super::{
    copies::Copies,
    names::{Named, Names},
};

/// How long a look waits for the messages up to its number before all slots are emptied in their place.
const MESSAGE_PATIENCE: Duration = Duration::from_millis(20);

/// Messages, applied to slots.
#[derive(Debug)]
pub(super) struct Sequence {
    copies: Copies,
    names: Names,
    applied: watch::Sender<Applied>,
}

/// How far the slots are.
#[derive(Clone, Copy, Debug, Default)]
struct Applied {
    /// The connection that is listened to.
    connection: Option<u64>,
    /// The last number applied, once there is one.
    number: Option<u64>,
}

impl Applied {
    fn is_at(&self, connection: u64, number: u64) -> bool {
        self.connection == Some(connection) && self.number >= Some(number)
    }
}

impl Sequence {
    pub(super) fn new(copies: Copies, names: Names) -> Self {
        Self { copies, names, applied: watch::Sender::default() }
    }

    pub(super) fn copies(&self) -> &Copies {
        &self.copies
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// This connection is subscribed.
    pub(super) fn begin(&self, connection: u64) {
        self.restart(|applied| *applied = Applied { connection: Some(connection), number: None });
    }

    /// This connection is lost; a later one stays.
    pub(super) fn end(&self, connection: u64) {
        self.restart(|applied| {
            if applied.connection == Some(connection) {
                *applied = Applied::default();
            }
        });
    }

    fn restart(&self, change: impl FnOnce(&mut Applied)) {
        self.applied.send_modify(|applied| {
            self.copies.empty_all();
            change(applied);
        });
    }

    /// Applies `<number> <cell> <cell> …`.
    pub(super) fn apply(&self, connection: u64, message: &[u8]) {
        let message = str::from_utf8(message).ok();
        let parts = message.and_then(|message| message.split_once(' '));
        let parts = parts.and_then(|(number, cells)| Some((number.parse::<u64>().ok()?, cells)));
        self.applied.send_if_modified(|applied| {
            let (true, Some(last)) = (applied.connection == Some(connection), applied.number) else {
                // Before the first look there are no copies, and its answer will count this message.
                return false;
            };
            match parts {
                Some((number, cells)) if number == last + 1 => self.empty(cells),
                _gap_or_unreadable => self.copies.empty_all(),
            }
            // What cannot be read has some number too, and the next will be found to be another than the one after this.
            applied.number = Some(parts.map_or(last, |(number, _)| number));
            true
        });
    }

    fn empty(&self, cells: &str) {
        for name in cells.split(' ') {
            match self.names.read(name) {
                Named::Slot(key) => self.copies.empty(&key),
                Named::Unknown => {}
                Named::Unreadable => self.copies.empty_all(),
            }
        }
    }

    /// Makes a look's number applied: by the messages up to it, or in place of those that do not come. False when the
    /// look's connection is not listened to any more.
    pub(super) async fn reach(&self, connection: u64, number: u64) -> bool {
        if !self.applied.borrow().is_at(connection, number) {
            let mut applied = self.applied.subscribe();
            // Before the first look nothing is to be waited for.
            let is_over = |applied: &Applied| {
                applied.is_at(connection, number) || applied.connection != Some(connection) || applied.number.is_none()
            };
            let _in_time = time::timeout(MESSAGE_PATIENCE, applied.wait_for(is_over)).await;
        }
        self.jump(connection, number)
    }

    fn jump(&self, connection: u64, number: u64) -> bool {
        let mut is_reached = false;
        self.applied.send_if_modified(|applied| {
            let is_behind = applied.connection == Some(connection) && applied.number < Some(number);
            if is_behind {
                self.copies.empty_all();
                applied.number = Some(number);
            }
            is_reached = applied.is_at(connection, number);
            is_behind
        });
        is_reached
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        near::key::{IdBytes, Kind},
        value::CellValue,
    };

    fn id(text: &str) -> Option<IdBytes> {
        let mut bytes = [0; 32];
        bytes[0] = text.parse().ok()?;
        Some(bytes)
    }

    /// A sequence at number 5 of connection 1, with copies of the cells 1 and 2.
    async fn at_five() -> (Sequence, Kind) {
        let sequence = Sequence::new(Copies::new(1 << 20), Names::default());
        let kind = sequence.names().register("thing", id);
        sequence.begin(1);
        assert!(sequence.reach(1, 5).await);
        for cell in ["1", "2"] {
            let value =
                CellValue { payload: Some(Bytes::from_static(b"x")), version: 1, expires_at_ms: 1_000, cost_us: 0 };
            sequence.copies().keep(sequence.copies().mark(kind, &id(cell).unwrap()), &value, 1_000);
        }
        assert_eq!(kept(&sequence, kind), [true, true]);
        (sequence, kind)
    }

    fn kept(sequence: &Sequence, kind: Kind) -> [bool; 2] {
        ["1", "2"].map(|cell| sequence.copies().get(kind, &id(cell).unwrap(), 0).is_some())
    }

    #[tokio::test]
    async fn the_next_message_empties_the_slots_of_its_cells() {
        let (sequence, kind) = at_five().await;

        sequence.apply(1, b"6 other:9 thing:1");

        assert_eq!(kept(&sequence, kind), [false, true]);
        assert!(sequence.applied.borrow().is_at(1, 6));
    }

    #[tokio::test]
    async fn a_gap_empties_everything() {
        let (sequence, kind) = at_five().await;

        sequence.apply(1, b"7 thing:1");

        assert_eq!(kept(&sequence, kind), [false, false]);
        assert!(sequence.applied.borrow().is_at(1, 7));
    }

    #[tokio::test]
    async fn a_sequence_that_begins_again_empties_everything() {
        let (sequence, kind) = at_five().await;

        sequence.apply(1, b"1 thing:1");

        assert_eq!(kept(&sequence, kind), [false, false]);
        assert!(!sequence.applied.borrow().is_at(1, 2));
    }

    #[tokio::test]
    async fn what_cannot_be_read_empties_everything() {
        for message in [b"6 thing:x".as_slice(), b"6 thing", b"six thing:1", b"6", b"\xff"] {
            let (sequence, kind) = at_five().await;

            sequence.apply(1, message);

            assert_eq!(kept(&sequence, kind), [false, false], "{message:?}");
        }
    }

    #[tokio::test]
    async fn a_lost_connection_empties_everything_and_nothing_is_current_until_a_look_on_the_next() {
        let (sequence, kind) = at_five().await;

        sequence.end(1);

        assert_eq!(kept(&sequence, kind), [false, false]);
        assert!(!sequence.reach(1, 5).await);
        sequence.begin(2);
        assert!(!sequence.reach(1, 5).await, "a look on the old connection");
        assert!(sequence.reach(2, 5).await);
    }

    #[tokio::test]
    async fn messages_of_a_connection_that_was_given_up_are_ignored() {
        let (sequence, _) = at_five().await;
        sequence.begin(2);
        assert!(sequence.reach(2, 9).await);

        sequence.apply(1, b"6 thing:1");
        sequence.end(1);

        assert!(sequence.applied.borrow().is_at(2, 9));
    }

    #[tokio::test]
    async fn a_number_whose_message_does_not_come_is_jumped_to() {
        let (sequence, kind) = at_five().await;

        assert!(sequence.reach(1, 6).await);

        assert_eq!(kept(&sequence, kind), [false, false]);
    }

    #[tokio::test]
    async fn a_number_whose_message_comes_in_time_is_waited_for() {
        let (sequence, kind) = at_five().await;

        let (is_reached, ()) = tokio::join!(sequence.reach(1, 6), async { sequence.apply(1, b"6 thing:1") });

        assert!(is_reached);
        assert_eq!(kept(&sequence, kind), [false, true]);
    }
}
