//! A round: new users, then clients and faults for a while, then quiet, a last look at everything, and the verdict.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tokio::{task::JoinSet, time};

use crate::{
    environment::Environment,
    faults::{FaultKind, FaultLog, Saboteur, schedule, usual_gap},
    final_look::look_once_more,
    history::{ClientNumber, History, ReplicaNumber, Write},
    time::{Clock, Micros, SECOND},
    workload::{Client, ClientSetting, OtherProgram, Population, Tally},
};

/// How long before its end the last fault may begin.
const LAST_FAULT: Micros = 3 * SECOND;
/// Follows of each user to begin with.
const FOLLOWS: usize = 6;
/// The same of posts.
const POSTS: usize = 3;

/// What a round needs.
pub struct RoundSetting {
    /// Where it happens.
    pub environment: Arc<Environment>,
    /// Of the whole run.
    pub clock: Clock,
    /// Of the whole run; begins anew with each round.
    pub population: Arc<Population>,
    /// Clients at once.
    pub clients: ClientNumber,
    /// Users at once.
    pub users: usize,
    /// What it is drawn from.
    pub seed: u64,
    /// Which faults there are.
    pub kinds: Vec<FaultKind>,
    /// How long its clients are at work.
    pub length: Micros,
    /// Counts the calls of all clients.
    pub calls: Arc<AtomicU64>,
    /// Set when the round is to end, by whoever wants it to end.
    pub over: Arc<AtomicBool>,
    /// Told of each fault.
    pub tell: Arc<dyn Fn(String) + Send + Sync>,
}

/// What came of it.
pub struct Round {
    /// Everything that happened.
    pub history: History,
    /// What was answered.
    pub tally: Tally,
    /// How long its clients were at work.
    pub driven: Duration,
}

impl RoundSetting {
    /// Runs it.
    pub async fn run(self) -> Result<Round> {
        let log = Arc::new(FaultLog::new(self.clock, self.environment.addresses.len()));
        self.population.clear();
        let setting = self.client_setting(&log);
        let clients = (0..self.clients).map(|number| Client::new(setting.clone(), number, self.seed)).collect();
        let clients = self.populate(clients).await?;

        let begun = self.clock.now();
        self.end_at(begun + self.length);
        let times = (begun, begun + self.length.saturating_sub(LAST_FAULT));
        let replicas = ReplicaNumber::try_from(self.environment.addresses.len())?;
        let plan = schedule(self.seed, &self.kinds, replicas, usual_gap(self.length), times);
        let saboteur =
            Saboteur::new(Arc::clone(&self.environment), Arc::clone(&log), self.clock, Arc::clone(&self.tell));
        let faults = tokio::spawn(async move { saboteur.carry_out(plan).await });
        let other = self.start_other_program();
        let clients = self.drive(clients).await?;
        let driven = Duration::from_micros(self.clock.now() - begun);
        let other_writes = match other {
            Some(other) => other.await.context("the other program panicked")?.writes,
            None => Vec::new(),
        };
        faults.await.context("the saboteur panicked")??;
        let (history, tally) = self.finish(clients, other_writes, &log).await?;
        Ok(Round { history, tally, driven })
    }

    fn end_at(&self, end: Micros) {
        let (over, end) = (Arc::clone(&self.over), self.clock.instant(end));
        tokio::spawn(async move {
            time::sleep_until(end.into()).await;
            over.store(true, Ordering::Relaxed);
        });
    }

    fn client_setting(&self, log: &Arc<FaultLog>) -> ClientSetting {
        ClientSetting {
            clock: self.clock,
            population: Arc::clone(&self.population),
            faults: Arc::clone(log),
            addresses: self.environment.addresses.clone(),
            cancels: self.kinds.contains(&FaultKind::CancelRequests),
            users: self.users,
            calls: Arc::clone(&self.calls),
        }
    }

    /// Users, follows and posts to begin with.
    async fn populate(&self, clients: Vec<Client>) -> Result<Vec<Client>> {
        let mut tasks = JoinSet::new();
        let registrations = self.users.div_ceil(clients.len());
        for mut client in clients {
            tasks.spawn(async move {
                for _ in 0..registrations {
                    client.register().await;
                }
                for _ in 0..FOLLOWS * registrations {
                    client.change_follow().await;
                }
                for _ in 0..POSTS * registrations {
                    client.create_post().await;
                }
                client
            });
        }
        let clients = tasks.join_all().await;
        ensure!(self.population.users() > 1, "no users can be registered: {:?}", clients[0].tally);
        Ok(clients)
    }

    fn start_other_program(&self) -> Option<tokio::task::JoinHandle<OtherProgram>> {
        let is_wanted = self.kinds.contains(&FaultKind::OtherProgram);
        is_wanted.then(|| {
            let population = Arc::clone(&self.population);
            let mut other = OtherProgram::new(self.environment.database.clone(), population, self.clock, self.seed);
            let over = Arc::clone(&self.over);
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    other.step().await;
                }
                other
            })
        })
    }

    async fn drive(&self, clients: Vec<Client>) -> Result<Vec<Client>> {
        let mut tasks = JoinSet::new();
        for mut client in clients {
            let over = Arc::clone(&self.over);
            tasks.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    client.step().await;
                }
                client
            });
        }
        let mut clients = Vec::new();
        while let Some(client) = tasks.join_next().await {
            clients.push(client.context("a client panicked")?);
        }
        Ok(clients)
    }

    async fn finish(&self, clients: Vec<Client>, writes: Vec<Write>, log: &Arc<FaultLog>) -> Result<(History, Tally)> {
        let setting = ClientSetting { cancels: false, ..self.client_setting(log) };
        let (finals, last) = look_once_more(&self.environment, setting).await?;
        let mut history = History { reads: Vec::new(), writes, faults: log.spans(), finals: Some(finals) };
        let mut tally = Tally::default();
        for client in clients.into_iter().chain([last]) {
            tally.merge(&client.tally);
            history.reads.extend(client.reads);
            history.writes.extend(client.writes);
        }
        Ok((history, tally))
    }
}
