//! What replicas take in advance, over one real Redis: it costs few round trips, and changes no decision.

use std::time::{Duration, Instant};

use aside::rate_limit;
use aside_limiter::{Decision, Limiter};
use aside_redis::Options;

use super::{admit, all, limiter, quota, remaining};
use crate::{
    proxy::{Proxy, Way},
    test_redis::{self, TestRedis},
};

const CLIENT: &str = "01935fcb-6c5b-76e9-acf6-3afcc21a470a";

async fn redis() -> TestRedis {
    TestRedis::connect(test_redis::config(&test_redis::url())).await
}

/// One that is reached through a proxy.
async fn behind_a_proxy() -> (Proxy, TestRedis) {
    let proxy = Proxy::start(&test_redis::url()).await;
    let redis = TestRedis::connect(test_redis::config(&proxy.url(&test_redis::url()))).await;
    (proxy, redis)
}

/// The Redis of two replicas.
async fn two() -> (TestRedis, TestRedis) {
    let config = test_redis::config(&test_redis::url());
    (TestRedis::connect(config.clone()).await, TestRedis::connect(config).await)
}

/// A limiter that hears recalls, and so takes something in advance.
async fn listening(redis: &TestRedis, requests: u32) -> Limiter {
    let limiter = limiter(redis, &all(quota(requests, 60)));
    let mut somebody = 0;
    // Whoever comes four times in a row has something in advance, once recalls are heard.
    loop {
        somebody += 1;
        let name = format!("somebody {somebody}");
        for _ in 0..4 {
            admit(&limiter, rate_limit::SIGNED_IN, &name).await;
        }
        if admit(&limiter, rate_limit::SIGNED_IN, &name).await.redis_time_us.is_none() {
            return limiter;
        }
        tokio::task::yield_now().await;
    }
}

/// How many of these requests are admitted.
async fn admitted(limiter: &Limiter, requests: u32) -> u32 {
    let mut admitted = 0;
    for _ in 0..requests {
        admitted += u32::from(admit(limiter, rate_limit::SIGNED_IN, CLIENT).await.is_admitted());
    }
    admitted
}

#[tokio::test]
async fn a_busy_client_costs_a_round_trip_now_and_then_and_sees_its_quota_count_down() {
    let (proxy, redis) = behind_a_proxy().await;
    let limiter = listening(&redis, 10_000).await;
    let calls = proxy.script_calls();

    let mut left = Vec::new();
    for _ in 0..1_000 {
        let admission = admit(&limiter, rate_limit::SIGNED_IN, CLIENT).await;
        assert_eq!(admission.decision, Some(Decision::Allowed));
        left.extend(remaining(&admission, 0));
    }

    // One without, then 8, 128 and 625 in advance; some settle, or come at the edge of a bucket.
    let calls = proxy.script_calls() - calls;
    assert!(calls < 100, "{calls} round trips for a thousand requests");
    let down: Vec<u32> = (9_000..10_000).rev().collect();
    assert_eq!(left, down);
}

#[tokio::test]
async fn what_is_nearly_used_up_is_renewed_before_anybody_asks_for_more() {
    let (proxy, redis) = behind_a_proxy().await;
    let limiter = listening(&redis, 10_000).await;
    // One without, one that takes 8 in advance, and 7 of these.
    admitted(&limiter, 9).await;
    let calls = proxy.script_calls();

    let renewed = async {
        while proxy.script_calls() == calls {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), renewed).await.expect("it is renewed without a request");

    let left = remaining(&admit(&limiter, rate_limit::SIGNED_IN, CLIENT).await, 0);
    assert_eq!(left, Some(10_000 - 10));
    assert_eq!(admitted(&limiter, 10_000).await, 10_000 - 10);
}

#[tokio::test]
async fn a_burst_of_one_client_asks_a_few_times_and_is_admitted_to_its_quota() {
    let (proxy, redis) = behind_a_proxy().await;
    let limiter = listening(&redis, 100_000).await;
    admitted(&limiter, 1).await;
    let calls = proxy.script_calls();

    let burst = (0..4_000).map(|_| admit(&limiter, rate_limit::SIGNED_IN, CLIENT));
    let admissions = futures::future::join_all(burst).await;

    let calls = proxy.script_calls() - calls;
    assert!(admissions.iter().all(|admission| admission.decision == Some(Decision::Allowed)));
    // 8, 128, 2,048 and 6,250 in advance; some settle, or come at the edge of a bucket.
    assert!(calls < 400, "{calls} round trips for four thousand requests");
    let left = remaining(&admit(&limiter, rate_limit::SIGNED_IN, CLIENT).await, 0);
    assert_eq!(left, Some(100_000 - 4_002));
}

#[tokio::test]
async fn a_client_that_moves_to_another_replica_has_its_whole_quota_and_no_more() {
    let (one, other) = two().await;
    let (here, there) = (listening(&one, 320).await, listening(&other, 320).await);

    let first = admitted(&here, 30).await;
    let second = admitted(&there, 400).await;
    let third = admitted(&here, 50).await;

    assert_eq!((first, second, third), (30, 290, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_replicas_that_all_have_some_in_advance_exactly_the_quota_is_admitted() {
    let (one, other) = two().await;
    let (here, there) = (listening(&one, 640).await, listening(&other, 640).await);
    let started = Instant::now();

    let askers = (0..8).map(|asker| {
        let limiter = if asker % 2 == 0 { here.clone() } else { there.clone() };
        tokio::spawn(async move { admitted(&limiter, 120).await })
    });
    let all: u32 = futures::future::join_all(askers).await.into_iter().map(Result::unwrap).sum();

    // Until the first of them leaves the window.
    assert!(started.elapsed() < Duration::from_mins(1), "too slow a machine to tell");
    assert_eq!(all, 640);
}

#[tokio::test]
async fn what_a_replica_has_that_is_gone_counts_as_used_and_clients_are_told_how_long() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let config = test_redis::config(&proxy.url(&test_redis::url()));
    let prefix = config.key_prefix.clone();
    let one = TestRedis::connect(config).await;
    let other = TestRedis::connect(Options { key_prefix: prefix, ..test_redis::config(&test_redis::url()) }).await;
    let (gone, there) = (listening(&one, 320).await, listening(&other, 320).await);
    let first = admitted(&gone, 7).await;
    proxy.set(Way::Frozen);

    let second = admitted(&there, 320).await;
    let refused =
        [admit(&there, rate_limit::SIGNED_IN, CLIENT).await, admit(&there, rate_limit::SIGNED_IN, CLIENT).await];

    // The first was asked about; with the second came 8 in advance, of which it used 5.
    let unused = 3;
    assert_eq!((first, second), (7, 320 - 7 - unused));
    for refused in refused {
        // Redis is asked again after a second; the client has to wait until the first requests leave the window.
        let told = refused.refusal.as_ref().expect("it is over its quota").retry_after_seconds();
        assert!((20..=61).contains(&told), "{told} by {:?}", refused.decision);
        let header = refused.limit_header().expect("a header");
        assert!(!header.ends_with(";t=1"), "{header}");
    }
}

#[tokio::test]
async fn a_quota_of_fewer_than_sixteen_is_never_taken_in_advance() {
    let redis = redis().await;
    let limiter = limiter(&redis, &all(quota(15, 60)));

    for _ in 0..15 {
        assert!(admit(&limiter, rate_limit::SIGNED_IN, CLIENT).await.redis_time_us.is_some());
    }

    assert!(!admit(&limiter, rate_limit::SIGNED_IN, CLIENT).await.is_admitted());
}

#[tokio::test]
async fn a_replica_that_ends_settles_what_it_has() {
    let (one, other) = two().await;
    let (ending, there) = (listening(&one, 320).await, listening(&other, 320).await);
    let first = admitted(&ending, 7).await;

    one.shutdown.drain();
    one.shutdown.finished().await;

    assert_eq!((first, admitted(&there, 400).await), (7, 313));
}

#[tokio::test]
async fn nothing_in_advance_outlives_the_redis_that_gave_it() {
    let (proxy, redis) = behind_a_proxy().await;
    let limiter = listening(&redis, 320).await;
    admitted(&limiter, 7).await;

    proxy.set(Way::Cut);
    while redis.client.is_connected() {
        tokio::task::yield_now().await;
    }
    let decision = admit(&limiter, rate_limit::SIGNED_IN, CLIENT).await.decision;

    assert_eq!(decision, Some(Decision::Fallback));
}
