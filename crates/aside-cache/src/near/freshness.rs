//! The freshness check: one `GET` of the sequence, shared by all reads that wait for one, and never more than one under way.
//!
//! ```text
//!   reads     a ──┐       b     c ──┐ d ──┐      e
//!   checks      GET ─▶ 7          GET ─▶ 8 ┴           a and c wait for a check that is issued after they arrived
//!   good for    ├─── 3 ms ───┤    ├─── 3 ms ───┤       b and e wait for none, d for the one under way: it is still good
//! ```                                                  when it is answered
//!
//! A read that goes on with a check that is still good goes on as one that arrives then.

use std::{
    mem,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use aside_redis::{Event, Pipeline, RedisError, Script, Subscriber, Subscription, Value};
use aside_runtime::timings::{Waiting, waiting};
use parking_lot::Mutex;
use tokio::sync::SetOnce;

use super::{applied::Applied, entries::NearEntries, request, slot::Kind, versions::SlotVersion};
use crate::{
    entry_id::IdBytes,
    protocol::{
        EntryValue, Protocol,
        sequence::{CHANNEL, FRESHNESS_CHECK_LIFE, SEQUENCE, SEQUENCE_LIFE},
    },
};

static START_SEQUENCE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("start_sequence.lua")));

/// The near entries of this process, and whether they are current. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Near {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    protocol: Protocol,
    applied: Arc<Applied>,
    subscriber: Subscriber,
    checks: Checks,
}

/// The near entries of one kind.
#[derive(Clone, Debug)]
pub(crate) struct NearKind {
    near: Near,
    pub(super) kind: Kind,
}

impl Near {
    /// No near entries yet; subscribes to fences until the process ends.
    pub(crate) fn start(protocol: &Protocol) -> Self {
        let options = &protocol.options;
        let applied = Arc::new(Applied::new(NearEntries::new(options.near_bytes)));
        let applies = Arc::clone(&applied);
        let on_event = move |connection, event: Event<'_>| match event {
            Event::Subscribed => applies.begin(connection),
            Event::Message(message) => applies.apply(connection, message),
            Event::Lost => applies.end(connection),
        };
        let subscriber = protocol.redis.subscribe(CHANNEL, on_event, &protocol.shutdown);
        let checks = Checks::new(options.max_staleness);
        Self { shared: Arc::new(Shared { protocol: protocol.clone(), applied, subscriber, checks }) }
    }

    /// Registers a kind of entries; `parse` turns the part of a name behind the kind into the bytes of its id.
    pub(crate) fn kind(&self, entity: &'static str, parse: fn(&str) -> Option<IdBytes>) -> NearKind {
        NearKind { near: self.clone(), kind: self.shared.applied.registry.register(entity, parse) }
    }

    /// Issues a freshness check, unless one is under way.
    fn renew(&self) {
        if !self.shared.checks.state.lock().is_polled {
            self.join();
        }
    }

    /// The checks that a read waits for that arrives now. All reads that arrive until the next check is issued share it.
    fn join(&self) -> Awaited {
        let (awaited, is_first) = self.shared.checks.join();
        if is_first {
            let poller = Poller { near: self.clone(), is_done: false };
            self.shared.protocol.shutdown.spawn(poller.run());
        }
        awaited
    }

    /// Asks for the sequence, and waits until its number is applied.
    async fn check(&self) -> Option<Checked> {
        let Shared { protocol, applied, subscriber, .. } = &*self.shared;
        let subscription = subscriber.subscription()?;
        let issued_at = Instant::now();
        match find_number(&subscription).await {
            Ok(number) => {
                protocol.speeds.note_reply(issued_at.elapsed());
                let connection = subscription.number;
                applied.reach(connection, number).await.then_some(Checked { issued_at, connection })
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the sequence was not read");
                None
            }
        }
    }
}

impl NearKind {
    /// Whether near entries are good for the read that asks, which has just arrived: waits for a freshness check, or uses
    /// that of its request, or one that is recent enough.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the waiting; the check goes on for others.
    pub(crate) async fn is_current(&self) -> bool {
        let Shared { protocol, subscriber, checks, .. } = &*self.near.shared;
        // Trust is asked for before the sequence is.
        if !protocol.is_worth_asking() {
            return false;
        }
        let Some(connection) = subscriber.number() else { return false };
        if request::has_checked(connection) {
            return true;
        }
        if !subscriber.follows(&protocol.redis) {
            return false;
        }
        let checked = match checks.recent(connection) {
            Recent::Good => Some(connection),
            Recent::GoodToRenew => {
                self.near.renew();
                Some(connection)
            }
            Recent::Over => {
                let awaited = self.near.join();
                let checked = waiting(Waiting::Cache, checks.answered(awaited)).await;
                checked.filter(|_| protocol.trust.is_trusted())
            }
        };
        if let Some(connection) = checked {
            request::note(connection);
        }
        checked.is_some()
    }

    /// The near entry with this id, unless it has run out, and its slot version. To be asked for after
    /// [`is_current`](Self::is_current).
    pub(crate) fn get(&self, id: &IdBytes, now_ms: i64) -> Option<(EntryValue, SlotVersion)> {
        self.entries().get(&(self.kind, *id), now_ms)
    }

    pub(super) fn entries(&self) -> &NearEntries {
        &self.near.shared.applied.entries
    }
}

/// The freshness checks of this process.
#[derive(Debug)]
struct Checks {
    /// For how long a check is good, from before it was issued.
    life: Duration,
    state: Mutex<State>,
    last: ArcSwapOption<Checked>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a [`Poller`] issues one check after the other.
    is_polled: bool,
    under_way: Option<Arc<Check>>,
    /// The check that is not issued yet.
    joinable: Option<Arc<Check>>,
}

/// One freshness check. Its outcome is the connection that it was answered on, `None` when near entries are not current.
#[derive(Debug, Default)]
struct Check {
    outcome: SetOnce<Option<u64>>,
}

/// The checks that a read waits for.
#[derive(Debug)]
struct Awaited {
    under_way: Option<Arc<Check>>,
    next: Arc<Check>,
}

/// A check that was answered.
#[derive(Clone, Copy, Debug)]
struct Checked {
    issued_at: Instant,
    connection: u64,
}

/// What the last check is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recent {
    /// A read that arrives now.
    Good,
    /// The same. It is half over, so that the next is to be issued: under load, reads then seldom wait for one.
    GoodToRenew,
    /// Nothing any more.
    Over,
}

impl Checks {
    /// No check yet. A check is good for its life, and beyond it for as long as reads may be late.
    fn new(max_staleness: Duration) -> Self {
        Self { life: FRESHNESS_CHECK_LIFE + max_staleness, state: Mutex::default(), last: ArcSwapOption::empty() }
    }

    /// What the last check is good for, if it was answered on this connection. The clock is asked at each read, so a process
    /// that was stopped serves nothing old.
    fn recent(&self, connection: u64) -> Recent {
        match &*self.last.load() {
            Some(last) if last.connection == connection && last.issued_at.elapsed() <= self.life => {
                if last.issued_at.elapsed() > self.life / 2 { Recent::GoodToRenew } else { Recent::Good }
            }
            _none_or_over => Recent::Over,
        }
    }

    /// The checks that a read waits for that arrives now, and whether they need a poller.
    fn join(&self) -> (Awaited, bool) {
        let mut state = self.state.lock();
        let is_first = !mem::replace(&mut state.is_polled, true);
        let next = Arc::clone(state.joinable.get_or_insert_default());
        (Awaited { under_way: state.under_way.clone(), next }, is_first)
    }

    /// Waits for the check that was under way, if it is still good when it is answered, else for the next.
    async fn answered(&self, awaited: Awaited) -> Option<u64> {
        if let Some(check) = awaited.under_way
            && let Some(connection) = *check.outcome.wait().await
            && self.recent(connection) != Recent::Over
        {
            return Some(connection);
        }
        *awaited.next.outcome.wait().await
    }

    /// From here on no read joins this check. False when none has; then it is not issued.
    fn issue(&self) -> bool {
        let mut state = self.state.lock();
        state.under_way = state.joinable.take();
        state.is_polled = state.under_way.is_some();
        state.is_polled
    }

    fn complete(&self, checked: Option<Checked>) {
        self.last.store(checked.map(Arc::new));
        let check = self.state.lock().under_way.take();
        if let Some(check) = check {
            let _set_once = check.outcome.set(checked.map(|checked| checked.connection));
        }
    }
}

/// Issues one check after the other, as long as reads wait for one.
struct Poller {
    near: Near,
    /// Whether the next read to wait needs another poller.
    is_done: bool,
}

impl Poller {
    async fn run(mut self) {
        loop {
            // Reads that are ready to run join first: the more share a check, the fewer there are.
            tokio::task::yield_now().await;
            if !self.issue() {
                return;
            }
            let checked = self.near.check().await;
            self.near.shared.checks.complete(checked);
        }
    }

    /// False when no read waits, and then this poller is done.
    fn issue(&mut self) -> bool {
        let is_issued = self.near.shared.checks.issue();
        self.is_done = !is_issued;
        is_issued
    }
}

impl Drop for Poller {
    /// Whatever ended the task: no read waits without end.
    fn drop(&mut self) {
        if !self.is_done {
            self.near.shared.checks.complete(None);
            while self.issue() {
                self.near.shared.checks.complete(None);
            }
        }
    }
}

/// Asks for the sequence's number, and starts a sequence that is missing.
async fn find_number(subscription: &Subscription) -> Result<u64, RedisError> {
    let key = subscription.handle.key(SEQUENCE);
    let mut pipeline = Pipeline::with_capacity(1);
    pipeline.cmd("GET").arg(&key);
    let unexpected = || subscription.handle.unexpected("GET");
    let reply = match subscription.handle.query(&pipeline).await?.pop() {
        Some(Value::Nil) => {
            let start = START_SEQUENCE.call().key(key).millis(SEQUENCE_LIFE);
            subscription.handle.call(&[start]).await?.pop()
        }
        reply => reply,
    };
    match reply {
        Some(Value::BulkString(digits)) => {
            str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(unexpected)
        }
        Some(Value::ServerError(error)) => Err(RedisError::Command(error.into())),
        _other => Err(unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const CONNECTION: u64 = 1;

    fn checked(age: Duration) -> Checked {
        Checked { issued_at: Instant::now().checked_sub(age).expect("not so long ago"), connection: CONNECTION }
    }

    /// Checks, the first of which is under way.
    fn one_under_way(max_staleness: Duration) -> Checks {
        let checks = Checks::new(max_staleness);
        checks.join();
        assert!(checks.issue());
        checks
    }

    #[test]
    fn check_that_is_still_good_when_answered_is_good_for_reads_that_arrived_meanwhile() {
        let checks = one_under_way(Duration::from_hours(1));
        let (awaited, _) = checks.join();
        let mut waiting = Box::pin(checks.answered(awaited));
        assert_eq!(waiting.as_mut().now_or_never(), None);

        checks.complete(Some(checked(Duration::ZERO)));

        assert_eq!(waiting.now_or_never(), Some(Some(CONNECTION)));
    }

    #[test]
    fn reads_that_arrived_during_a_check_that_is_over_when_answered_wait_for_the_next() {
        for over in [Some(checked(FRESHNESS_CHECK_LIFE * 2)), None] {
            let checks = one_under_way(Duration::ZERO);
            let (awaited, _) = checks.join();
            let mut waiting = Box::pin(checks.answered(awaited));

            checks.complete(over);
            assert_eq!(waiting.as_mut().now_or_never(), None);
            assert!(checks.issue());
            checks.complete(Some(checked(FRESHNESS_CHECK_LIFE * 2)));

            assert_eq!(waiting.now_or_never(), Some(Some(CONNECTION)), "it was issued after the read had arrived");
        }
    }

    #[test]
    fn a_check_is_renewed_when_half_of_its_life_is_over() {
        let checks = one_under_way(Duration::from_mins(2));
        for (age, recent) in [(0, Recent::Good), (90, Recent::GoodToRenew), (130, Recent::Over)] {
            checks.complete(Some(checked(Duration::from_secs(age))));

            assert_eq!(checks.recent(CONNECTION), recent, "after {age} s");
        }
        checks.complete(Some(checked(Duration::ZERO)));
        assert_eq!(checks.recent(CONNECTION + 1), Recent::Over, "another connection");
    }

    #[test]
    fn one_poller_issues_all_checks() {
        let checks = Checks::new(Duration::ZERO);

        let first = [checks.join().1, checks.join().1];
        assert!(checks.issue());
        checks.complete(None);
        assert!(!checks.issue(), "no read has joined");

        assert_eq!((first, checks.join().1), ([true, false], true));
    }
}
