//! How the pool's connections are made, and which of them it trusts.

use std::{io, sync::Arc, time::Duration};

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use sqlx::{Connection, Error, PgConnection};
use tokio::time;

use super::{health::Health, pace::Pace, primary::Primary};

/// Bounds what a connection is asked between two uses: a host may have vanished without a word.
pub(crate) const CHECK_TIMEOUT: Duration = Duration::from_millis(500);
/// A connection that was last lent longer ago is asked whether it still lives before it is lent again.
const IDLE_BEFORE_CHECK: Duration = Duration::from_secs(1);
/// A connection that was idle for longer is not needed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);
/// No connection grows older: what a session keeps at the server, plans above all, would grow with it.
const MAX_LIFETIME: Duration = Duration::from_mins(30);

/// Makes connections, and judges those that come back.
#[derive(Debug)]
pub(crate) struct Manager {
    pub(crate) primary: Arc<Primary>,
    pub(crate) health: Arc<Health>,
    pub(crate) pace: Pace,
}

impl managed::Manager for Manager {
    type Type = PgConnection;
    type Error = Error;

    /// Tries again for as long as it is let, at the pace of the process: each wait for a connection has a deadline.
    async fn create(&self) -> Result<PgConnection, Error> {
        loop {
            match self.pace.attempt(self.primary.connect()).await {
                Err(error) if is_worth_another_try(&error) => {}
                outcome => return outcome,
            }
        }
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<Error> {
        if !self.is_worth_keeping(metrics.age(), metrics.last_used()) {
            return Err(RecycleError::message("too old"));
        }
        if metrics.last_used() < IDLE_BEFORE_CHECK || is_alive(connection).await {
            return Ok(());
        }
        // The others may be as dead, and the borrower has no time to ask one after the other.
        self.health.distrust_connections();
        self.pace.note_end(metrics.age());
        Err(RecycleError::message("silent"))
    }
}

impl Manager {
    /// Whether a connection that was made so long ago, and last lent so long ago, is to stay.
    pub(crate) fn is_worth_keeping(&self, age: Duration, idle: Duration) -> bool {
        is_worth_keeping(&self.health, age, idle)
    }
}

fn is_worth_keeping(health: &Health, age: Duration, idle: Duration) -> bool {
    age < MAX_LIFETIME && idle < IDLE_TIMEOUT && !health.is_distrusted(age)
}

/// Whether a connection gives a sign of life in time. What was left unread on it has been read then.
pub(crate) async fn is_alive(connection: &mut PgConnection) -> bool {
    matches!(time::timeout(CHECK_TIMEOUT, connection.ping()).await, Ok(Ok(())))
}

fn is_worth_another_try(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        Error::Database(refusal) => refusal.is_transient_in_connect_phase(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_connections_that_are_neither_old_nor_idle_for_long() {
        let health = Health::new();
        let kept = |age, idle| is_worth_keeping(&health, Duration::from_mins(age), Duration::from_mins(idle));

        assert!(kept(29, 9), "in use");
        assert!(!kept(31, 0), "old");
        assert!(!kept(29, 11), "idle");
    }
}
