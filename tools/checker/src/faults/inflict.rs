//! Makes the faults of a plan, each in a task of its own; those that would hit the same process wait for each other.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{task::JoinSet, time};

use super::{kind::FaultKind, log::FaultLog, schedule::Planned};
use crate::{
    environment::{Environment, Proxy, Way},
    history::Reach,
    time::Clock,
};

/// How long after a replica says that it has Redis again a command of before may still be waited for.
const AFTER_REDIS: Duration = Duration::from_millis(500);
/// How long what is broken may take to be well again before the run is given up.
const RECOVERY: Duration = Duration::from_mins(1);
/// Keys that an eviction takes at a time.
const EVICTED: u32 = 50;
/// Sessions that are ended at once.
const BACKENDS: i64 = 6;

/// Breaks things.
#[derive(Clone)]
pub struct Saboteur {
    environment: Arc<Environment>,
    log: Arc<FaultLog>,
    clock: Clock,
    /// Told of each fault as it begins.
    tell: Arc<dyn Fn(String) + Send + Sync>,
}

impl Saboteur {
    /// Breaks what is in this environment, and notes it in this log.
    pub fn new(
        environment: Arc<Environment>,
        log: Arc<FaultLog>,
        clock: Clock,
        tell: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Self {
        Self { environment, log, clock, tell }
    }

    /// Makes all faults of the plan at their times; returns when the last is over and all is well.
    pub async fn carry_out(&self, plan: Vec<Planned>) -> Result<()> {
        let mut faults = JoinSet::new();
        for planned in plan {
            time::sleep_until(self.clock.instant(planned.at).into()).await;
            let saboteur = self.clone();
            faults.spawn(async move { saboteur.inflict(planned).await });
            while let Some(over) = faults.try_join_next() {
                over.context("a fault panicked")??;
            }
        }
        while let Some(over) = faults.join_next().await {
            over.context("a fault panicked")??;
        }
        Ok(())
    }

    async fn inflict(&self, planned: Planned) -> Result<()> {
        let Planned { kind, replica, lasts, .. } = planned;
        let place = usize::from(replica);
        let to_redis = &self.environment.ways_to_redis[place];
        let to_postgres = &self.environment.ways_to_postgres[place];
        match kind {
            FaultKind::KillReplica => self.kill_replica(planned).await?,
            FaultKind::StopReplica => self.stop_replica(planned).await?,
            FaultKind::KillRedis | FaultKind::OldSnapshot => self.kill_redis(planned).await?,
            FaultKind::StopRedis => self.stop_redis(planned).await?,
            FaultKind::Flush => self.flush(planned).await?,
            FaultKind::Evict => self.evict(planned).await?,
            FaultKind::KillBackends => {
                let _on = self.begin(planned, Reach::None);
                // At most all of them: the run's own connections are few.
                self.environment.database.kill_backends(BACKENDS).await?;
                time::sleep(Duration::from_millis(50)).await;
            }
            FaultKind::SlowRedis => {
                let by = delay(planned, 0.4);
                self.obstruct(planned, to_redis, Way::Slow(by), lasts).await?;
            }
            FaultKind::CutRedis => self.obstruct(planned, to_redis, Way::Cut, lasts).await?,
            FaultKind::FreezeRedis => self.obstruct(planned, to_redis, Way::Frozen, lasts).await?,
            FaultKind::CutPostgres => self.obstruct(planned, to_postgres, Way::Cut, lasts).await?,
            FaultKind::SlowPostgres => {
                let by = delay(planned, 0.2);
                self.obstruct(planned, to_postgres, Way::Slow(by), lasts).await?;
            }
            // Not events.
            FaultKind::CancelRequests | FaultKind::OtherProgram => {}
        }
        Ok(())
    }

    fn begin(&self, planned: Planned, cuts_redis_of: Reach) -> super::log::FaultGuard<'_> {
        let silences = match planned.kind {
            FaultKind::KillReplica | FaultKind::StopReplica => Some(planned.replica),
            _ => None,
        };
        let name = describe(planned);
        (self.tell)(format!("{} {name}", crate::time::seconds(self.clock.now())));
        self.log.begin(name, cuts_redis_of, silences)
    }

    async fn kill_replica(&self, planned: Planned) -> Result<()> {
        let mut replica = self.environment.replicas[usize::from(planned.replica)].lock().await;
        let _on = self.begin(planned, Reach::None);
        replica.kill().await?;
        time::sleep(planned.lasts / 4).await;
        replica.start().await
    }

    async fn stop_replica(&self, planned: Planned) -> Result<()> {
        let replica = self.environment.replicas[usize::from(planned.replica)].lock().await;
        let _on = self.begin(planned, Reach::None);
        replica.signal(Signal::SIGSTOP)?;
        time::sleep(planned.lasts).await;
        replica.signal(Signal::SIGCONT)
    }

    async fn kill_redis(&self, planned: Planned) -> Result<()> {
        let mut redis = self.environment.redis.lock().await;
        let keep = planned.kind == FaultKind::OldSnapshot;
        if keep {
            redis.save().await?;
            // What is written now is missing from the snapshot, and what is deleted is in it.
            time::sleep(planned.lasts).await;
        }
        let _on = self.begin(planned, Reach::All);
        redis.kill(keep).await?;
        time::sleep(planned.lasts / 4).await;
        redis.restart().await?;
        drop(redis);
        self.until_well().await
    }

    async fn stop_redis(&self, planned: Planned) -> Result<()> {
        let redis = self.environment.redis.lock().await;
        let _on = self.begin(planned, Reach::All);
        redis.signal(Signal::SIGSTOP)?;
        time::sleep(planned.lasts).await;
        redis.signal(Signal::SIGCONT)?;
        drop(redis);
        self.until_well().await
    }

    async fn flush(&self, planned: Planned) -> Result<()> {
        let redis = self.environment.redis.lock().await;
        let _on = self.begin(planned, Reach::None);
        redis.flush().await
    }

    /// Again and again for a while, so that fences and leases go too, which live for milliseconds.
    async fn evict(&self, planned: Planned) -> Result<()> {
        let redis = self.environment.redis.lock().await;
        let _on = self.begin(planned, Reach::None);
        let end = time::Instant::now() + planned.lasts;
        while time::Instant::now() < end {
            redis.evict(EVICTED).await?;
            time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    async fn obstruct(&self, planned: Planned, proxy: &Arc<Proxy>, way: Way, lasts: Duration) -> Result<()> {
        let to_redis = matches!(planned.kind, FaultKind::SlowRedis | FaultKind::CutRedis | FaultKind::FreezeRedis);
        let reach = if to_redis { Reach::One(planned.replica) } else { Reach::None };
        let _alone = proxy.obstruction.lock().await;
        let _on = self.begin(planned, reach);
        proxy.set(way);
        time::sleep(lasts).await;
        proxy.set(Way::Open);
        if to_redis { self.until_well().await } else { Ok(()) }
    }

    /// After a fault of Redis: until its replicas have it again, and have had the time to find out about each connection.
    async fn until_well(&self) -> Result<()> {
        anyhow::ensure!(self.environment.is_well_within(RECOVERY).await, "a replica does not find Redis again");
        time::sleep(AFTER_REDIS).await;
        Ok(())
    }
}

/// How slow: from 2 ms to `longest` seconds, spread evenly over the orders of magnitude.
fn delay(planned: Planned, longest: f64) -> Duration {
    let shortest = 0.002;
    let uniform: f64 = StdRng::seed_from_u64(planned.at).random();
    Duration::from_secs_f64(shortest * f64::powf(longest / shortest, uniform))
}

fn describe(planned: Planned) -> String {
    let Planned { kind, replica, lasts, .. } = planned;
    let name = kind.as_str();
    match kind {
        FaultKind::Flush | FaultKind::KillBackends => name.to_owned(),
        FaultKind::Evict | FaultKind::KillRedis | FaultKind::OldSnapshot | FaultKind::StopRedis => {
            format!("{name} for {} ms", lasts.as_millis())
        }
        _ => format!("{name} {replica} for {} ms", lasts.as_millis()),
    }
}
