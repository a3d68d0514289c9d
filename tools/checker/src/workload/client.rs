//! A client: one call after the other, each recorded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    connection::{Answer, Call, Connection, NoAnswer},
    population::{KnownSession, Population},
    tally::Tally,
};
use crate::{
    faults::FaultLog,
    history::{Action, ClientNumber, Outcome, Read, ReplicaNumber, Seen, Write, WriteNumber},
    time::{Clock, Interval},
};

/// How long a client waits for an answer. Longer than the service takes for anything while it is well.
const PATIENCE: Duration = Duration::from_secs(4);
/// Of those who hang up in the middle.
const HANGS_UP_WITHIN_US: u64 = 12_000;
/// How many of all calls are hung up on.
const HANGS_UP: f64 = 0.01;
/// How many of the calls go to a replica that is known not to answer; each keeps its client waiting.
const TO_SILENT: f64 = 0.02;

/// What all clients of a run share.
#[derive(Clone)]
pub struct ClientSetting {
    /// The clock of the run.
    pub clock: Clock,
    /// Whom there is to call for.
    pub population: Arc<Population>,
    /// Which replicas do not answer.
    pub faults: Arc<FaultLog>,
    /// Where the replicas are.
    pub addresses: Vec<String>,
    /// Whether some calls are hung up on.
    pub cancels: bool,
    /// As many users as there should be.
    pub users: usize,
    /// Counts the calls of all clients.
    pub calls: Arc<AtomicU64>,
}

/// See the module.
pub struct Client {
    pub(super) setting: ClientSetting,
    pub(super) rng: StdRng,
    number: ClientNumber,
    connections: Vec<Connection>,
    /// What it has read.
    pub reads: Vec<Read>,
    /// What it has written.
    pub writes: Vec<Write>,
    /// What it was answered.
    pub tally: Tally,
}

/// A call and what came of it.
pub(super) struct Exchange {
    pub(super) replica: ReplicaNumber,
    pub(super) interval: Interval,
    pub(super) answer: Result<Answer, NoAnswer>,
}

impl Exchange {
    /// What a writer knows after it.
    pub(super) fn outcome(&self) -> Outcome {
        match &self.answer {
            Ok(answer) if answer.status.is_success() => Outcome::Done,
            Ok(answer) if answer.status.is_client_error() => Outcome::Refused,
            Ok(_) | Err(NoAnswer) => Outcome::Unknown,
        }
    }

    /// The body of a success.
    pub(super) fn success(&self) -> Option<&Answer> {
        self.answer.as_ref().ok().filter(|answer| answer.status.is_success())
    }
}

impl Client {
    /// A client that draws from this seed.
    #[must_use]
    pub fn new(setting: ClientSetting, number: ClientNumber, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed ^ (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let connections = setting.addresses.iter().cloned().map(Connection::new).collect();
        Self { setting, rng, number, connections, reads: Vec::new(), writes: Vec::new(), tally: Tally::default() }
    }

    /// Makes one call, or a few that belong together.
    pub async fn step(&mut self) {
        if self.setting.population.users() < self.setting.users && self.rng.random_bool(0.01) {
            return self.register().await;
        }
        // Of ten thousand. What hashes a password is rare: it takes as long as a hundred of the others.
        match self.rng.random_range(0..10_000) {
            0..2_500 => self.read_user().await,
            2_500..5_200 => self.read_post().await,
            5_200..6_500 => self.read_oneself().await,
            6_500..8_300 => self.read_home().await,
            8_300..8_500 => self.read_front_page().await,
            8_500..8_950 => self.edit_user().await,
            8_950..9_400 => self.edit_post().await,
            9_400..9_650 => self.create_post().await,
            9_650..9_780 => self.delete_post().await,
            9_780..9_985 => self.change_follow().await,
            9_985..9_991 => self.sign_in_again().await,
            9_991..9_997 => self.sign_out().await,
            9_997 => self.sign_out_everywhere().await,
            9_998 => self.change_password().await,
            _ => self.delete_user().await,
        }
    }

    /// Makes a call at a replica drawn at random.
    pub(super) async fn call(&mut self, call: &Call) -> Exchange {
        let replica = self.draw_replica();
        self.call_at(replica, call).await
    }

    pub(super) async fn call_at(&mut self, replica: ReplicaNumber, call: &Call) -> Exchange {
        let hangs_up = self.setting.cancels && self.rng.random_bool(HANGS_UP);
        let patience =
            if hangs_up { Duration::from_micros(self.rng.random_range(0..HANGS_UP_WITHIN_US)) } else { PATIENCE };
        let was_faulty = self.setting.faults.is_any_on();
        let start = self.setting.clock.now();
        let answer = self.connections[usize::from(replica)].call(call, patience).await;
        let interval = Interval { start, end: self.setting.clock.now() };
        let is_faulty = was_faulty || self.setting.faults.is_any_on();
        let status = answer.as_ref().map_or(0, |answer| answer.status.as_u16());
        self.tally.count(status, is_faulty || hangs_up);
        if Tally::is_failure(status) && !is_faulty && !hangs_up {
            let (fault, since) = self.setting.faults.latest_before(start);
            self.tally.count_aftermath(&fault, since);
        }
        self.setting.calls.fetch_add(1, Ordering::Relaxed);
        if answer.is_err() && !hangs_up {
            // A replica that is gone refuses at once; calling it again and again is no work.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Exchange { replica, interval, answer }
    }

    fn draw_replica(&mut self) -> ReplicaNumber {
        let replicas = ReplicaNumber::try_from(self.connections.len()).unwrap_or(ReplicaNumber::MAX);
        let drawn = self.rng.random_range(0..replicas);
        if !self.setting.faults.is_silent(drawn) || self.rng.random_bool(TO_SILENT) {
            return drawn;
        }
        (0..replicas)
            .map(|more| (drawn + more) % replicas)
            .find(|one| !self.setting.faults.is_silent(*one))
            .unwrap_or(drawn)
    }

    /// Records what a call showed, with what it tells about its session.
    pub(super) fn record_read(&mut self, exchange: &Exchange, session: Option<&KnownSession>, seen: Seen) {
        let Ok(answer) = &exchange.answer else { return };
        let session = match (session, answer.status) {
            (Some(session), StatusCode::UNAUTHORIZED) => Some((session.session, false)),
            (Some(session), status) if !status.is_server_error() => Some((session.session, true)),
            _ => None,
        };
        if session.is_none() && matches!(seen, Seen::Nothing) {
            return;
        }
        let (client, replica, interval) = (self.number, exchange.replica, exchange.interval);
        self.reads.push(Read { client, replica, interval, session, seen });
    }

    /// Records a write.
    pub(super) fn record_write(&mut self, exchange: &Exchange, number: WriteNumber, action: Action) {
        let (client, replica, interval) = (self.number, exchange.replica, exchange.interval);
        self.writes.push(Write { number, client, replica, interval, outcome: exchange.outcome(), action });
    }
}

/// `METHOD /path` without a body.
pub(super) fn get(path: String) -> Call {
    Call::new(Method::GET, path)
}
