//! The limiter with Redis there.

use aside::config::RateLimitConfig;
use aside::rate_limit;
use aside_limiter::{Charge, Decision};
use futures::future::join_all;

use super::{admit, all, counted, limiter, quota, remaining};
use crate::{
    proxy::Proxy,
    test_redis::{self, TestRedis},
};

fn sign_in() -> [Charge; 2] {
    [Charge::new(rate_limit::LOGIN_ADDRESS, "192.0.2.1"), Charge::new(rate_limit::LOGIN_ACCOUNT, "ada")]
}

#[tokio::test]
async fn all_policies_are_charged_in_one_round_trip_or_none_is() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let redis = TestRedis::connect(test_redis::config(&proxy.url(&test_redis::url()))).await;
    let limiter = limiter(&redis, &all(quota(2, 3600)));
    admit(&limiter, rate_limit::LOGIN_ACCOUNT, "ada").await;
    let calls = proxy.script_calls();

    let admitted = limiter.admit(&sign_in()).await;
    let refused = limiter.admit(&sign_in()).await;
    let address = admit(&limiter, rate_limit::LOGIN_ADDRESS, "192.0.2.1").await;

    assert_eq!(proxy.script_calls() - calls, 3);
    assert_eq!((remaining(&admitted, 0), remaining(&admitted, 1)), (Some(1), Some(0)));
    assert_eq!(refused.refusal.map(|refusal| refusal.policies), Some(vec![rate_limit::LOGIN_ACCOUNT]));
    assert_eq!(remaining(&address, 0), Some(0), "the refused sign-in did not charge its address");
    assert_eq!(counted(&redis.metrics, rate_limit::LOGIN_ADDRESS, Decision::Allowed), 2);
    assert_eq!(counted(&redis.metrics, rate_limit::LOGIN_ADDRESS, Decision::Denied), 0);
    assert_eq!(counted(&redis.metrics, rate_limit::LOGIN_ACCOUNT, Decision::Denied), 1);
}

#[tokio::test]
async fn headers_name_quota_window_rest_and_reset() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limiter = limiter(&redis, &all(quota(600, 60)));

    let admission = admit(&limiter, rate_limit::SIGNED_IN, "1").await;

    assert_eq!(admission.policy_header().as_deref(), Some(r#""signed-in";q=600;w=60"#));
    assert_eq!(admission.limit_header().as_deref(), Some(r#""signed-in";r=599;t=60"#));
}

#[tokio::test]
async fn policies_that_are_off_cost_nothing_and_say_nothing() {
    let proxy = Proxy::start(&test_redis::url()).await;
    let redis = TestRedis::connect(test_redis::config(&proxy.url(&test_redis::url()))).await;
    let config = RateLimitConfig { anonymous: None, signed_in: Some(quota(1, 60)), login: None };
    let limiter = limiter(&redis, &config);

    let off = limiter.admit(&sign_in()).await;
    let calls = proxy.script_calls();
    let partly =
        limiter.admit(&[Charge::new(rate_limit::ANONYMOUS, "a"), Charge::new(rate_limit::SIGNED_IN, "1")]).await;

    assert!(off.is_admitted());
    assert_eq!((off.decision, off.policy_header(), off.limit_header()), (None, None, None));
    assert_eq!(calls, 0);
    assert_eq!(partly.policy_header().as_deref(), Some(r#""signed-in";q=1;w=60"#));
}

#[tokio::test]
async fn clients_policies_and_windows_count_apart() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let (minute, hour) = (limiter(&redis, &all(quota(1, 60))), limiter(&redis, &all(quota(1, 3600))));

    let admissions = [
        admit(&minute, rate_limit::SIGNED_IN, "1").await,
        admit(&minute, rate_limit::SIGNED_IN, "2").await,
        admit(&minute, rate_limit::ANONYMOUS, "1").await,
        admit(&hour, rate_limit::SIGNED_IN, "1").await,
    ];

    assert!(admissions.iter().all(|admission| admission.decision == Some(Decision::Allowed)));
    assert!(!admit(&minute, rate_limit::SIGNED_IN, "1").await.is_admitted());
}

#[tokio::test]
async fn replicas_of_different_quotas_count_the_same_requests() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let (generous, strict) = (limiter(&redis, &all(quota(5, 3600))), limiter(&redis, &all(quota(2, 3600))));
    for _ in 0..4 {
        assert!(admit(&generous, rate_limit::SIGNED_IN, "1").await.is_admitted());
    }

    let refused = admit(&strict, rate_limit::SIGNED_IN, "1").await;

    assert_eq!(remaining(&refused, 0), Some(0));
    assert_eq!(
        remaining(&admit(&generous, rate_limit::SIGNED_IN, "1").await, 0),
        Some(0),
        "the refused one is not counted"
    );
}

#[tokio::test]
async fn a_charge_that_is_there_twice_counts_once() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limiter = limiter(&redis, &all(quota(5, 60)));
    let charge = Charge::new(rate_limit::SIGNED_IN, "1");

    let admission = limiter.admit(&[charge.clone(), charge]).await;

    assert_eq!(admission.limit_header().as_deref(), Some(r#""signed-in";r=4;t=60"#));
}

#[tokio::test]
async fn parallel_guesses_never_exceed_the_quota_of_an_account() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limiter = limiter(&redis, &all(quota(10, 3600)));

    let guesses = join_all((0..100).map(|_| admit(&limiter, rate_limit::LOGIN_ACCOUNT, "ada"))).await;

    assert_eq!(guesses.iter().filter(|guess| guess.is_admitted()).count(), 10);
}

#[tokio::test]
async fn a_success_is_given_back_on_every_replica_at_once() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let (here, there) = (limiter(&redis, &all(quota(2, 3600))), limiter(&redis, &all(quota(2, 3600))));
    let _failed = admit(&here, rate_limit::LOGIN_ACCOUNT, "ada").await;
    let mut succeeded = here.admit(&sign_in()).await;
    assert!(!admit(&there, rate_limit::LOGIN_ACCOUNT, "ada").await.is_admitted());

    here.refund(succeeded.take_tickets()).await;

    assert!(succeeded.take_tickets().is_empty(), "nothing is given back twice");
    let next = there.admit(&sign_in()).await;
    assert_eq!((remaining(&next, 0), remaining(&next, 1)), (Some(0), Some(0)), "the address stays charged");
    assert!(!admit(&there, rate_limit::LOGIN_ACCOUNT, "ada").await.is_admitted(), "the failed attempt still counts");
}

#[tokio::test]
async fn only_an_admitted_attempt_on_an_account_can_be_given_back() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limiter = limiter(&redis, &all(quota(1, 3600)));

    assert!(admit(&limiter, rate_limit::SIGNED_IN, "1").await.take_tickets().is_empty());
    assert!(admit(&limiter, rate_limit::LOGIN_ACCOUNT, "ada").await.take_tickets().len() == 1);
    assert!(admit(&limiter, rate_limit::LOGIN_ACCOUNT, "ada").await.take_tickets().is_empty());
}
