//! The limiter: what is in hand (quota leases, memory of refusals), then Redis, then this process alone.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aside_redis::{RedisClient, RedisError, Subscriber};
use aside_runtime::shutdown::Shutdown;
use tokio::time::sleep;

use super::{
    admission::Admission,
    charged_key::ChargedKey,
    decisions::{Decision, Decisions},
    lease_keeper,
    local::LocalLimiter,
    metrics::Metrics,
    policy::{Charge, Limit, Policy, Quota, Quotas},
    quota_lease::Settlement,
    quota_leases::{Next, QuotaLeases, Take},
    refusals::{ASK_AGAIN, Refusals, Wait},
    server_clock::{Moment, ServerClock},
    shared::{Decided, SharedLimiter},
    ticket::{Place, Ticket},
    verdict::Verdict,
    window::Reading,
};

/// How long a request that would be refused waits for what is called back on its account, and how long between two questions.
/// A replica settles within a round trip; one that is stopped or gone never does.
const REVOCATION_PATIENCE: Duration = Duration::from_millis(100);
const REVOCATION_PAUSE: Duration = Duration::from_millis(5);
/// For how many leases of its client a request waits: each is many times as large as the one before.
const MOST_WAITS: u32 = 4;
/// After a revocation that returned nothing, the client is refused by this process for so long before Redis is asked again.
const REVOKED_IN_VAIN: Duration = Duration::from_secs(1);

/// Admits or refuses requests. Clones share what they remember.
#[derive(Clone, Debug)]
pub struct Limiter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    quotas: Quotas,
    refusals: Refusals,
    quota_leases: Arc<QuotaLeases>,
    /// Whether revocations are heard.
    revocations: Subscriber,
    shared: SharedLimiter,
    local: LocalLimiter,
    decisions: Decisions,
    shutdown: Shutdown,
}

impl Limiter {
    /// A limiter over all processes that use the same Redis. A policy without a quota is off. It returns its quota leases when
    /// `shutdown` drains.
    #[must_use]
    pub fn new(
        quotas: impl IntoIterator<Item = (Policy, Quota)>,
        redis: &RedisClient,
        metrics: &Metrics,
        shutdown: &Shutdown,
    ) -> Self {
        let clock = Arc::new(ServerClock::default());
        let shared = SharedLimiter::new(redis.clone(), Arc::clone(&clock));
        let quota_leases = Arc::new(QuotaLeases::new(clock));
        let quotas = Quotas::new(quotas);
        let revocations =
            lease_keeper::start(redis, quotas.clone(), shared.clone(), Arc::clone(&quota_leases), shutdown);
        let inner = Inner {
            decisions: Decisions::new(metrics, quotas.policies()),
            quotas,
            refusals: Refusals::new(),
            quota_leases,
            revocations,
            shared,
            local: LocalLimiter::new(),
            shutdown: shutdown.clone(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Decides on one request: every charge is admitted and counted, or none is counted. A charge whose policy is off,
    /// or that is there twice, is left out.
    ///
    /// Does not ask Redis for a client who has something in advance, or was refused lately; nor while another request of the
    /// client asks for some, which may be enough for both. Else asks it once, for at most
    /// the command time-out of Redis, and once more every 5 ms for up to 100 ms while the leases of other processes are revoked;
    /// never fails. When Redis gives no answer, which does not mean that it has not charged, this process decides for itself
    /// and does not ask again.
    ///
    /// # Cancel safety
    ///
    /// A request dropped while it waits may have been charged; what it was about to take in advance is not lost.
    pub async fn admit(&self, charges: &[Charge]) -> Admission {
        let inner = &self.inner;
        let limits = inner.quotas.limits(charges);
        if limits.is_empty() {
            return Admission::default();
        }
        let in_hand = inner.spend(&limits).or_else(|| inner.refused_before(&limits, Refusals::wait));
        let admission = match in_hand {
            Some(admission) => admission,
            None => Box::pin(Inner::ask(inner, limits)).await,
        };
        inner.count(&admission);
        admission
    }

    /// Whether there may be a client that [`refused_before`](Self::refused_before) refuses.
    #[must_use]
    pub fn has_denied_clients(&self) -> bool {
        self.inner.refusals.are_any(Instant::now)
    }

    /// The refusal of a request that [`admit`](Self::admit) would refuse without asking Redis; `None` if it might not.
    #[must_use]
    pub fn refused_before(&self, charges: &[Charge]) -> Option<Admission> {
        let inner = &self.inner;
        let refused = inner.refused_before(&inner.quotas.limits(charges), Refusals::peek)?;
        inner.count(&refused);
        Some(refused)
    }

    /// Remembers a refusal that the caller has found out, as one of Redis's: this process repeats it for some seconds.
    pub fn refuse(&self, charge: &Charge, retry_after: Duration) {
        let now = Instant::now();
        let wait = Wait { frees_in: retry_after, retry_in: retry_after };
        self.inner.refusals.remember(charge, now, now, wait, ASK_AGAIN);
    }

    /// As [`admit`](Self::admit), of one charge that may be given back whatever its policy: for work that has to be charged
    /// before it is known whose it is. Asks Redis each time, unless the client was refused lately.
    pub async fn admit_refundable(&self, charge: Charge) -> Admission {
        let inner = &self.inner;
        let limits = inner.quotas.limits(&[charge]);
        if limits.is_empty() {
            return Admission::default();
        }
        let admission = match inner.refused_before(&limits, Refusals::wait) {
            Some(refused) => refused,
            None => Box::pin(inner.decide(limits, |_any| true)).await,
        };
        inner.count(&admission);
        admission
    }

    /// Gives charges back where they were made, in one round trip. When Redis does not answer, they stand until they leave the
    /// window.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the commands are sent, nothing is given back; after that it is.
    pub async fn refund(&self, tickets: Vec<Ticket>) {
        let (mut shared, mut charges) = (Vec::new(), Vec::new());
        for Ticket { limit, slice, place } in tickets {
            match place {
                Place::Local => self.inner.local.refund(&limit, slice),
                Place::Shared(key) => shared.push(Settlement::of_a_refund(key, limit.slices, slice)),
            }
            charges.push(limit.charge);
        }
        if !shared.is_empty() {
            self.inner.shared.settle(&shared).await;
        }
        for charge in charges {
            self.inner.refusals.forget(&charge);
        }
    }
}

impl Inner {
    /// The answer to a request whose client has something in advance.
    fn spend(&self, limits: &[Limit]) -> Option<Admission> {
        let [limit] = limits else { return None };
        if !limit.policy().is_leased() {
            return None;
        }
        let reading = self.quota_leases.spend(&limit.charge, Instant::now(), self.revocations.number())?;
        Some(Admission::new(limits, &[Some(reading)], Decision::Allowed))
    }

    async fn ask(this: &Arc<Self>, limits: Vec<Limit>) -> Admission {
        let mut waits = 0;
        let take = loop {
            let next = match &limits[..] {
                [limit] if limit.policy().is_leased() => {
                    this.quota_leases.next(limit, Instant::now(), this.revocations.number(), waits > 0)
                }
                _several_or_rare => Next::Ask,
            };
            match next {
                Next::Take(take) => break take,
                Next::Wait(mut answered) if waits < MOST_WAITS => {
                    waits += 1;
                    let _closed = answered.changed().await;
                    if let Some(admission) =
                        this.spend(&limits).or_else(|| this.refused_before(&limits, Refusals::peek))
                    {
                        return admission;
                    }
                }
                Next::Wait(_) | Next::Ask => return this.decide(limits, Policy::is_refundable).await,
            }
        };
        // In a task of its own: what is taken is not lost with the request, and what is settled is settled once.
        let (inner, of_the_task) = (Arc::clone(this), limits.clone());
        let taking = this.shutdown.spawn(async move { inner.take(of_the_task, take).await });
        // It ends early only with the runtime, or by a bug.
        let alone = |_ended| by_this_process(limits.clone(), &this.local.admit(&limits), Policy::is_refundable);
        taking.await.unwrap_or_else(alone)
    }

    /// The answer to a request that Redis would refuse, as `find` finds it among the refusals.
    fn refused_before(
        &self,
        limits: &[Limit],
        find: fn(&Refusals, &Charge, Instant) -> Option<Wait>,
    ) -> Option<Admission> {
        let now = Instant::now();
        let readings: Vec<Option<Reading>> = limits
            .iter()
            .map(|limit| find(&self.refusals, &limit.charge, now).map(|wait| spent(limit, wait)))
            .collect();
        let known = readings.iter().any(Option::is_some);
        known.then(|| Admission::new(limits, &readings, Decision::DeniedLocal))
    }

    /// Asks Redis, and again while others may settle what they have in advance. Charges of `refundable` policies have tickets.
    async fn decide(&self, limits: Vec<Limit>, refundable: fn(Policy) -> bool) -> Admission {
        let started = Instant::now();
        loop {
            match self.shared.admit(&limits, None).await {
                Ok(decided) if decided.verdict.is_revoking && started.elapsed() < REVOCATION_PATIENCE => {
                    sleep(REVOCATION_PAUSE).await;
                }
                Ok(Decided { mut verdict, keys, at }) => {
                    self.remember(&limits, &verdict, &at);
                    if let [limit] = &limits[..] {
                        // What this process has in hand is as good as free.
                        let reading = &mut verdict.readings[0];
                        let in_hand = self.quota_leases.refresh(&limit.charge, reading.used, verdict.time_us);
                        reading.used = reading.used.saturating_sub(in_hand.into());
                    }
                    return by_redis(limits, &verdict, keys, refundable);
                }
                Err(error) => return self.decide_alone(limits, &error, refundable),
            }
        }
    }

    /// Asks Redis for a lease too.
    async fn take(&self, limits: Vec<Limit>, take: Take) -> Admission {
        let (charge, slices) = (limits[0].charge.clone(), limits[0].slices);
        // Before Redis is asked: what it gives can be called back on this connection, or is void.
        let connection = self.revocations.number().unwrap_or_default();
        let answer = self.shared.admit(&limits, Some(&take)).await;
        // Takes it over: once it is kept, no request waits for it any more.
        let keep = |take: Take, lease| self.quota_leases.keep(&charge, lease, take.wanted, Instant::now(), connection);
        match answer {
            Ok(decided) if decided.verdict.is_revoking => {
                keep(take, None);
                self.decide(limits, Policy::is_refundable).await
            }
            Ok(decided) => {
                keep(take, decided.lease(slices));
                let Decided { mut verdict, keys, at } = decided;
                self.remember(&limits, &verdict, &at);
                verdict.readings[0].used -= u64::from(verdict.leased);
                by_redis(limits, &verdict, keys, Policy::is_refundable)
            }
            Err(error) => {
                keep(take, None);
                self.decide_alone(limits, &error, Policy::is_refundable)
            }
        }
    }

    fn decide_alone(&self, limits: Vec<Limit>, error: &RedisError, refundable: fn(Policy) -> bool) -> Admission {
        // One line at debug: that Redis is away is logged once, by its connections.
        tracing::debug!(error = error as &dyn std::error::Error, "the limiter did not get an answer of redis");
        let verdict = self.local.admit(&limits);
        by_this_process(limits, &verdict, refundable)
    }

    fn remember(&self, limits: &[Limit], verdict: &Verdict, at: &Moment) {
        let is_admission = verdict.is_admission();
        let ask_again = if verdict.is_revoking { REVOKED_IN_VAIN } else { ASK_AGAIN };
        for (limit, reading) in limits.iter().zip(&verdict.readings) {
            match reading.retry_in {
                Some(retry_in) if !limit.policy().is_refundable() => {
                    let wait = Wait { frees_in: reading.frees_in.unwrap_or(retry_in), retry_in };
                    self.refusals.remember(&limit.charge, at.asked, at.answered, wait, ask_again);
                }
                None if is_admission => self.refusals.forget(&limit.charge),
                _not_remembered => {}
            }
        }
    }

    /// An admission counts under every policy, a refusal under the one that lasts longest.
    fn count(&self, admission: &Admission) {
        let Some(decision) = admission.decision else { return };
        match &admission.refusal {
            None => self.decisions.count(admission.statuses.iter().map(|status| status.policy), decision),
            Some(refusal) => self.decisions.count([refusal.policy()], decision),
        }
    }
}

/// A limit without room for so long, as far as is remembered.
fn spent(limit: &Limit, Wait { frees_in, retry_in }: Wait) -> Reading {
    Reading { used: limit.quota.requests.into(), frees_in: Some(frees_in), retry_in: Some(retry_in) }
}

fn by_redis(limits: Vec<Limit>, verdict: &Verdict, keys: Vec<ChargedKey>, refundable: fn(Policy) -> bool) -> Admission {
    let decision = if verdict.is_admission() { Decision::Allowed } else { Decision::Denied };
    let mut admission = admission(&limits, verdict, decision);
    admission.redis_time_us = Some(verdict.time_us);
    let places = keys.into_iter().map(Place::Shared);
    admission.tickets = tickets(limits, verdict, places, refundable);
    admission
}

fn by_this_process(limits: Vec<Limit>, verdict: &Verdict, refundable: fn(Policy) -> bool) -> Admission {
    let mut admission = admission(&limits, verdict, Decision::Fallback);
    admission.tickets = tickets(limits, verdict, std::iter::repeat_with(|| Place::Local), refundable);
    admission
}

fn admission(limits: &[Limit], verdict: &Verdict, decision: Decision) -> Admission {
    let readings: Vec<Option<Reading>> = verdict.readings.iter().copied().map(Some).collect();
    Admission::new(limits, &readings, decision)
}

fn tickets(
    limits: Vec<Limit>,
    verdict: &Verdict,
    places: impl Iterator<Item = Place>,
    refundable: fn(Policy) -> bool,
) -> Vec<Ticket> {
    if !verdict.is_admission() {
        return Vec::new();
    }
    let charged = limits.into_iter().zip(places).filter(|(limit, _)| refundable(limit.policy()));
    charged.map(|(limit, place)| Ticket { slice: limit.slices.slice_at(verdict.time_us), limit, place }).collect()
}
