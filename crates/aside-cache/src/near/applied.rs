//! The part of the sequence that was applied, and the near entries that it drops.
//!
//! | event | effect |
//! |---|---|
//! | the number after the one applied last | drops the near entries that it names |
//! | any other number | something was missed: drops all near entries |
//! | a freshness check's number that is not applied in time | likewise |
//! | the connection is new, or lost | likewise; nothing is current until a freshness check on a new connection was answered |
//!
//! Near entries are dropped first, and then the number counts as applied: a read that has waited for it finds them gone.

use std::time::Duration;

use tokio::{sync::watch, time};

use super::{
    entries::NearEntries,
    registry::{KeyRegistry, Resolved},
};

/// How long a freshness check waits for the messages up to its number before all near entries are dropped in their place.
const MESSAGE_TIMEOUT: Duration = Duration::from_millis(20);

/// Messages, applied to near entries.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) entries: NearEntries,
    pub(super) registry: KeyRegistry,
    position: watch::Sender<Position>,
}

/// How far messages are applied.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    /// The subscribed connection.
    connection: Option<u64>,
    /// The last number applied, once there is one.
    number: Option<u64>,
}

impl Position {
    fn is_at(&self, connection: u64, number: u64) -> bool {
        self.connection == Some(connection) && self.number >= Some(number)
    }
}

impl Applied {
    pub(super) fn new(entries: NearEntries) -> Self {
        Self { entries, registry: KeyRegistry::default(), position: watch::Sender::default() }
    }

    /// This connection is subscribed.
    pub(super) fn begin(&self, connection: u64) {
        self.restart(|position| *position = Position { connection: Some(connection), number: None });
    }

    /// This connection is lost; a later one stays.
    pub(super) fn end(&self, connection: u64) {
        self.restart(|position| {
            if position.connection == Some(connection) {
                *position = Position::default();
            }
        });
    }

    fn restart(&self, change: impl FnOnce(&mut Position)) {
        self.position.send_modify(|position| {
            self.entries.drop_all();
            change(position);
        });
    }

    /// Applies `<number> <entry> <entry> …`.
    pub(super) fn apply(&self, connection: u64, message: &[u8]) {
        let message = str::from_utf8(message).ok();
        let parts = message.and_then(|message| message.split_once(' '));
        let parts = parts.and_then(|(number, names)| Some((number.parse::<u64>().ok()?, names)));
        self.position.send_if_modified(|position| {
            let (true, Some(last)) = (position.connection == Some(connection), position.number) else {
                // Before the first freshness check there are no near entries, and its answer will count this message.
                return false;
            };
            match parts {
                Some((number, names)) if number == last + 1 => self.drop_named(names),
                _gap_or_unreadable => self.entries.drop_all(),
            }
            // An unreadable message has some number too: the next number will not be the one after `last`.
            position.number = Some(parts.map_or(last, |(number, _)| number));
            true
        });
    }

    fn drop_named(&self, names: &str) {
        for name in names.split(' ') {
            match self.registry.resolve(name) {
                Resolved::Slot(key) => self.entries.drop_entry(&key),
                Resolved::UnknownKind => {}
                Resolved::Invalid => self.entries.drop_all(),
            }
        }
    }

    /// Makes the number of a freshness check applied: by the messages up to it, or in place of those that do not come. False when
    /// the check's connection is not the subscribed one any more.
    pub(super) async fn reach(&self, connection: u64, number: u64) -> bool {
        if !self.position.borrow().is_at(connection, number) {
            let mut position = self.position.subscribe();
            // Before the first freshness check there is nothing to wait for.
            let is_over = |position: &Position| {
                position.is_at(connection, number)
                    || position.connection != Some(connection)
                    || position.number.is_none()
            };
            let _in_time = time::timeout(MESSAGE_TIMEOUT, position.wait_for(is_over)).await;
        }
        self.jump(connection, number)
    }

    fn jump(&self, connection: u64, number: u64) -> bool {
        let mut is_reached = false;
        self.position.send_if_modified(|position| {
            let is_behind = position.connection == Some(connection) && position.number < Some(number);
            if is_behind {
                self.entries.drop_all();
                position.number = Some(number);
            }
            is_reached = position.is_at(connection, number);
            is_behind
        });
        is_reached
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{entry_id::IdBytes, near::slot::Kind, protocol::EntryValue};

    fn id(text: &str) -> Option<IdBytes> {
        let mut bytes = [0; 32];
        bytes[0] = text.parse().ok()?;
        Some(bytes)
    }

    /// The sequence is at number 5 on connection 1, and the entries 1 and 2 are here.
    async fn at_five() -> (Applied, Kind) {
        let applied = Applied::new(NearEntries::new(1 << 20));
        let kind = applied.registry.register("thing", id);
        applied.begin(1);
        assert!(applied.reach(1, 5).await);
        for entry in ["1", "2"] {
            let payload = Some(Bytes::from_static(b"x"));
            let value = EntryValue { payload, version: 1, expires_at_ms: 1_000, cost_us: 0, refreshing_since_ms: None };
            let permit = applied.entries.place_permit((kind, id(entry).unwrap()));
            applied.entries.keep(permit, &value, 1_000);
        }
        assert_eq!(kept(&applied, kind), [true, true]);
        (applied, kind)
    }

    fn kept(applied: &Applied, kind: Kind) -> [bool; 2] {
        ["1", "2"].map(|entry| applied.entries.get(&(kind, id(entry).unwrap()), 0).is_some())
    }

    #[tokio::test]
    async fn the_next_message_drops_the_near_entries_that_it_names() {
        let (applied, kind) = at_five().await;

        applied.apply(1, b"6 other:9 thing:1");

        assert_eq!(kept(&applied, kind), [false, true]);
        assert!(applied.position.borrow().is_at(1, 6));
    }

    #[tokio::test]
    async fn a_gap_drops_all_near_entries() {
        let (applied, kind) = at_five().await;

        applied.apply(1, b"7 thing:1");

        assert_eq!(kept(&applied, kind), [false, false]);
        assert!(applied.position.borrow().is_at(1, 7));
    }

    #[tokio::test]
    async fn a_sequence_that_starts_again_drops_all_near_entries() {
        let (applied, kind) = at_five().await;

        applied.apply(1, b"1 thing:1");

        assert_eq!(kept(&applied, kind), [false, false]);
        assert!(!applied.position.borrow().is_at(1, 2));
    }

    #[tokio::test]
    async fn an_unreadable_message_drops_all_near_entries() {
        for message in [b"6 thing:x".as_slice(), b"6 thing", b"six thing:1", b"6", b"\xff"] {
            let (applied, kind) = at_five().await;

            applied.apply(1, message);

            assert_eq!(kept(&applied, kind), [false, false], "{message:?}");
        }
    }

    #[tokio::test]
    async fn a_lost_connection_drops_all_near_entries_until_a_check_on_the_next() {
        let (applied, kind) = at_five().await;

        applied.end(1);

        assert_eq!(kept(&applied, kind), [false, false]);
        assert!(!applied.reach(1, 5).await);
        applied.begin(2);
        assert!(!applied.reach(1, 5).await, "a check on the old connection");
        assert!(applied.reach(2, 5).await);
    }

    #[tokio::test]
    async fn messages_of_an_earlier_connection_are_ignored() {
        let (applied, _) = at_five().await;
        applied.begin(2);
        assert!(applied.reach(2, 9).await);

        applied.apply(1, b"6 thing:1");
        applied.end(1);

        assert!(applied.position.borrow().is_at(2, 9));
    }

    #[tokio::test]
    async fn a_number_whose_message_does_not_come_is_jumped_to() {
        let (applied, kind) = at_five().await;

        assert!(applied.reach(1, 6).await);

        assert_eq!(kept(&applied, kind), [false, false]);
    }

    #[tokio::test]
    async fn a_number_whose_message_comes_in_time_is_waited_for() {
        let (applied, kind) = at_five().await;

        let (is_reached, ()) = tokio::join!(applied.reach(1, 6), async { applied.apply(1, b"6 thing:1") });

        assert!(is_reached);
        assert_eq!(kept(&applied, kind), [false, true]);
    }
}
