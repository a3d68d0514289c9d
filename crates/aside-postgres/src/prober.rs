//! The prober: asks Postgres, on a connection of its own, whether it is there, and sets the circuit breaker by that.
//!
//! Its connection is none of the pool's, so a pool whose connections are all at work looks no different from an idle one.

use std::{mem, pin::pin, time::Duration};

use aside_runtime::backoff::{Backoff, LONG_LIFE};
use sqlx::PgConnection;
use tokio::time::{self, Instant};

use super::{connection::Database, error::refusal, health::Finding};

/// How often Postgres is probed while it is not suspected. When it is, the probe begins at once.
const INTERVAL: Duration = Duration::from_millis(500);

/// How often it is probed while it is down and the connection is there, drawn at random: replicas should not all come at once.
const DOWN_INTERVAL_MS: std::ops::Range<u64> = 50..150;

/// A probe that is not answered within `DATABASE_PROBE_TIMEOUT`, while statements are, waits for another part of that. Then its
/// connection is dead. A request on a connection as dead gets its 503 by then.
const SECOND_CHANCE_PART: u32 = 4;

/// How long an attempt to connect may take. Until `DATABASE_PROBE_TIMEOUT` it leaves the breaker as it is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The prober's attempts to connect. Those that follow each other soon, whatever their outcome, are farther and farther apart.
#[derive(Default)]
struct Attempts {
    backoff: Backoff,
    last: Option<Instant>,
    wait: Duration,
}

impl Attempts {
    fn note(&mut self) {
        if self.last.is_none_or(|last| last.elapsed() >= LONG_LIFE) {
            self.backoff = Backoff::default();
        }
        self.last = Some(Instant::now());
        self.wait = self.backoff.failed();
    }

    /// How long to wait after a probe that made one.
    fn wait(&mut self) -> Duration {
        mem::take(&mut self.wait)
    }
}

impl Database {
    /// Sets the circuit breaker and keeps the pool tidy, without end. The breaker stays closed while this does not run.
    pub async fn watch(self) {
        let (mut connection, mut attempts) = (None, Attempts::default());
        loop {
            self.health.begin_probe();
            let finding = self.probe(&mut connection, &mut attempts).await;
            self.health.end_probe(finding);
            self.pool().tidy();
            time::sleep(attempts.wait()).await;
            if self.health.is_open() {
                time::sleep(Duration::from_millis(rand::random_range(DOWN_INTERVAL_MS))).await;
            } else {
                let _by_itself = time::timeout(INTERVAL, self.health.suspected()).await;
            }
        }
    }

    async fn probe(&self, connection: &mut Option<PgConnection>, attempts: &mut Attempts) -> Finding {
        if let Some(mut known) = connection.take() {
            match self.ask(&mut known).await {
                None => {}
                Some(Finding::Up) => {
                    *connection = Some(known);
                    return Finding::Up;
                }
                Some(unanswered) => return unanswered,
            }
        }
        attempts.note();
        self.connect(connection).await
    }

    /// Asks through a connection that there is; `None` when it has ended.
    ///
    /// Where statements are answered the reply may just be slow. When it does not come at all, this connection leads nowhere,
    /// and with it those in the pool that are as old: the breaker is opened for a moment, which closes all of them.
    async fn ask(&self, known: &mut PgConnection) -> Option<Finding> {
        let (asked, first_wait) = (Instant::now(), self.config.probe_timeout);
        let mut reply = pin!(self.primary.confirm(known));
        for wait in [first_wait, first_wait / SECOND_CHANCE_PART] {
            match time::timeout(wait, &mut reply).await {
                Ok(Ok(())) => return Some(Finding::Up),
                // A session may be ended and Postgres be there: a new one tells. A server that is refused is not.
                Ok(Err(error)) => return refusal(&error).map(|_refused| Finding::Down),
                Err(_elapsed) if self.without_answer_since(asked, first_wait) == Finding::Down => break,
                Err(_elapsed) => {}
            }
        }
        Some(Finding::Down)
    }

    async fn connect(&self, connection: &mut Option<PgConnection>) -> Finding {
        let asked = Instant::now();
        let mut connecting = pin!(self.primary.connect_and_test());
        let connected = match time::timeout(self.config.probe_timeout, &mut connecting).await {
            Ok(connected) => connected,
            Err(_elapsed) => {
                if self.without_answer_since(asked, self.config.probe_timeout) == Finding::Down {
                    self.health.open();
                }
                match time::timeout(CONNECT_TIMEOUT, connecting).await {
                    Ok(connected) => connected,
                    Err(_elapsed) => {
                        return self.without_answer_since(asked, self.config.probe_timeout + CONNECT_TIMEOUT);
                    }
                }
            }
        };
        match connected {
            Ok(made) => {
                *connection = Some(made);
                Finding::Up
            }
            // It answers, if only that it has no connection left for us; those in the pool may well work.
            Err(sqlx::Error::Database(refusal)) if !refusal.code().unwrap_or_default().starts_with("57P") => {
                Finding::Up
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "postgres not reached");
                Finding::Down
            }
        }
    }

    /// What it means that a probe was not answered within `patience`.
    fn without_answer_since(&self, asked: Instant, patience: Duration) -> Finding {
        if self.health.has_answered_since(asked) {
            // Others were answered meanwhile; this one has bad luck on a busy machine.
            Finding::Up
        } else if asked.elapsed() > patience * 2 {
            // This process has not run for a while, so it cannot tell.
            Finding::Unknown
        } else {
            Finding::Down
        }
    }
}
