//! The promise, from outside: two replicas, one client, random arrivals, and Redis's own clock as the witness.

use std::time::Duration;

use aside::rate_limit;
use aside_limiter::{Decision, Limiter};
use futures::future::join_all;

use super::{admit, all, limiter, quota};
use crate::test_redis::{self, TestRedis};

/// Windows that one run lasts for.
const WINDOWS: u64 = 4;

/// What happened to one request, by Redis's clock in microseconds.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Admitted {
        at: u64,
    },
    /// Under an advance, some time in between.
    AdmittedHere {
        from: u64,
        to: u64,
    },
    Refused {
        at: u64,
    },
    /// Without a word to Redis, some time in between.
    RefusedHere {
        from: u64,
        to: u64,
    },
}

async fn one_request(limiter: &Limiter, redis: &TestRedis) -> Seen {
    let from = redis.time_us().await;
    let admission = admit(limiter, rate_limit::SIGNED_IN, "the one client").await;
    match (admission.decision, admission.redis_time_us) {
        (Some(Decision::Allowed), Some(at)) => Seen::Admitted { at },
        (Some(Decision::Allowed), None) => Seen::AdmittedHere { from, to: redis.time_us().await },
        (Some(Decision::Denied), Some(at)) => Seen::Refused { at },
        (Some(Decision::DeniedLocal), None) => Seen::RefusedHere { from, to: redis.time_us().await },
        other => panic!("redis was there all the time: {other:?}"),
    }
}

/// Asks at random until `end_us`: now in bursts, now with pauses of up to a twentieth of the window.
async fn hammer(limiter: Limiter, redis: &TestRedis, window_s: u64, end_us: u64) -> Vec<Seen> {
    let mut seen = Vec::new();
    while redis.time_us().await < end_us {
        for _ in 0..rand::random_range(1..5) {
            seen.push(one_request(&limiter, redis).await);
        }
        let pause_ms = rand::random_range(0..window_s * 50);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    seen
}

/// Two replicas with connections of their own, three askers each.
async fn run(requests: u32, window_s: u64) -> Vec<Seen> {
    let config = test_redis::config(&test_redis::url());
    let (one, other) = (TestRedis::connect(config.clone()).await, TestRedis::connect(config).await);
    let end_us = one.time_us().await + WINDOWS * window_s * 1_000_000;
    let replicas = [&one, &other].map(|redis| (redis, limiter(redis, &all(quota(requests, window_s)))));
    let askers =
        replicas.iter().flat_map(|(redis, limiter)| (0..3).map(|_| hammer(limiter.clone(), redis, window_s, end_us)));
    join_all(askers).await.into_iter().flatten().collect()
}

/// All that happened to the one client.
struct Witness {
    seen: Vec<Seen>,
    /// When each was admitted: the earliest and the latest that it can have been.
    admitted: Vec<(u64, u64)>,
    requests: usize,
    window_us: u64,
}

impl Witness {
    fn new(seen: Vec<Seen>, requests: u32, window_s: u64) -> Self {
        let admitted = seen.iter().filter_map(|seen| match seen {
            Seen::Admitted { at } => Some((*at, *at)),
            Seen::AdmittedHere { from, to } => Some((*from, *to)),
            Seen::Refused { .. } | Seen::RefusedHere { .. } => None,
        });
        let admitted = admitted.collect();
        Self { seen, admitted, requests: requests as usize, window_us: window_s * 1_000_000 }
    }

    fn no_window_holds_more_than_the_quota(&self) {
        for &(start, _) in &self.admitted {
            let window = start..=start + self.window_us;
            let is_in = |(earliest, latest): &&(u64, u64)| window.contains(earliest) && window.contains(latest);
            let together = self.admitted.iter().filter(is_in).count();
            assert!(together <= self.requests, "{together} of {} from {start}", self.requests);
        }
    }

    fn nobody_is_refused_wrongly(&self) {
        for refused in &self.seen {
            let recent = match *refused {
                Seen::Admitted { .. } | Seen::AdmittedHere { .. } => continue,
                Seen::Refused { at } => self.recent(at, at),
                Seen::RefusedHere { from, to } => self.recent(from, to),
            };
            assert!(recent >= self.requests, "{refused:?} with {recent} of {}", self.requests);
        }
    }

    /// Requests admitted by `to` that are in the window and a sixtieth of it that ends at `from`. Clocks are cut, so two
    /// moments may be a microsecond further apart than they show.
    fn recent(&self, from: u64, to: u64) -> usize {
        let is_recent = |at: u64| 60 * (from + 1).saturating_sub(at) <= 61 * self.window_us;
        self.admitted.iter().filter(|&&(earliest, latest)| earliest <= to && is_recent(latest)).count()
    }

    fn was_put_to_the_test(&self) {
        let refused = self.seen.iter().filter(|seen| matches!(seen, Seen::Refused { .. })).count();
        let here = self.seen.iter().filter(|seen| matches!(seen, Seen::RefusedHere { .. })).count();
        let admitted = self.admitted.len();
        assert!(admitted > 2 * self.requests && refused > 0 && here > 0, "{admitted} {refused} {here}");
    }
}

async fn both_halves_hold(requests: u32, window_s: u64) {
    let seen = run(requests, window_s).await;

    let witness = Witness::new(seen, requests, window_s);
    witness.no_window_holds_more_than_the_quota();
    witness.nobody_is_refused_wrongly();
    witness.was_put_to_the_test();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_window_of_one_second_holds_more_than_the_quota_and_nobody_is_refused_wrongly() {
    both_halves_hold(20, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_window_of_two_seconds_holds_more_than_the_quota_and_nobody_is_refused_wrongly() {
    both_halves_hold(7, 2).await;
}

/// As above, with a quota and a window of which much is taken in advance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_advance_too_no_window_holds_more_than_the_quota_and_nobody_is_refused_wrongly() {
    let seen = run(320, 10).await;

    let in_advance = seen.iter().filter(|seen| matches!(seen, Seen::AdmittedHere { .. })).count();
    let witness = Witness::new(seen, 320, 10);
    witness.no_window_holds_more_than_the_quota();
    witness.nobody_is_refused_wrongly();
    witness.was_put_to_the_test();
    assert!(in_advance > 100, "{in_advance}");
}
