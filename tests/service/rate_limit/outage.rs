//! The limiter without Redis: what it remembers of refusals, and what it does while Redis is away.

use std::time::Duration;

use aside::rate_limit;
use aside_limiter::{Admission, Charge, Decision, Limiter, Policy};
use aside_redis::{Options, Pipeline, Value, cmd};

use super::{admit, all, counted, limiter, quota, remaining};
use crate::{
    proxy::{Proxy, Way},
    test_redis::{self, TestRedis},
};

/// A Redis that can be lost.
async fn behind_a_proxy(change: impl FnOnce(Options) -> Options) -> (Proxy, TestRedis) {
    let proxy = Proxy::start(&test_redis::url()).await;
    let redis = TestRedis::connect(change(test_redis::config(&proxy.url(&test_redis::url())))).await;
    (proxy, redis)
}

async fn until_decided_by(decision: Decision, limiter: &Limiter, policy: Policy, client: &str) -> Admission {
    let asking = async {
        loop {
            let admission = admit(limiter, policy, client).await;
            if admission.decision == Some(decision) {
                return admission;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it is decided that way in the end")
}

#[tokio::test]
async fn a_flood_over_the_quota_costs_no_redis_call() {
    let (proxy, redis) = behind_a_proxy(|config| config).await;
    let limiter = limiter(&redis, &all(quota(1, 3600)));
    let first = [Charge::new(rate_limit::LOGIN_ADDRESS, "fresh"), Charge::new(rate_limit::SIGNED_IN, "1")];
    admit(&limiter, rate_limit::SIGNED_IN, "1").await;
    let refused = limiter.admit(&first).await;
    let calls = proxy.script_calls();

    let flood: Vec<Admission> = futures::future::join_all((0..50).map(|_| limiter.admit(&first))).await;

    assert_eq!(refused.decision, Some(Decision::Denied));
    assert_eq!(proxy.script_calls(), calls);
    for denied in &flood {
        let refusal = denied.refusal.as_ref().expect("it is over its quota");
        assert_eq!((denied.decision, refusal.policy()), (Some(Decision::DeniedLocal), rate_limit::SIGNED_IN));
        assert!(denied.limit_header().is_some_and(|text| text.starts_with(r#""signed-in";r=0;t=36"#)));
        assert_eq!(denied.policy_header(), refused.policy_header());
        assert!(refusal.retry_after_seconds() <= 3660 && refusal.retry_after_seconds() >= 3600);
    }
    assert_eq!(counted(&redis.metrics, rate_limit::SIGNED_IN, Decision::DeniedLocal), 50);
    assert_eq!(counted(&redis.metrics, rate_limit::LOGIN_ADDRESS, Decision::DeniedLocal), 0);
}

#[tokio::test]
async fn the_policy_that_had_room_is_not_remembered() {
    let (_proxy, redis) = behind_a_proxy(|config| config).await;
    let limiter = limiter(&redis, &all(quota(1, 3600)));
    let both = [Charge::new(rate_limit::LOGIN_ADDRESS, "fresh"), Charge::new(rate_limit::SIGNED_IN, "1")];
    admit(&limiter, rate_limit::SIGNED_IN, "1").await;
    limiter.admit(&both).await;

    assert_eq!(admit(&limiter, rate_limit::LOGIN_ADDRESS, "fresh").await.decision, Some(Decision::Allowed));
}

#[tokio::test]
async fn an_account_without_room_is_asked_for_every_time() {
    let (proxy, redis) = behind_a_proxy(|config| config).await;
    let limiter = limiter(&redis, &all(quota(1, 3600)));
    admit(&limiter, rate_limit::LOGIN_ACCOUNT, "ada").await;
    let calls = proxy.script_calls();

    for _ in 0..3 {
        assert_eq!(admit(&limiter, rate_limit::LOGIN_ACCOUNT, "ada").await.decision, Some(Decision::Denied));
    }

    assert_eq!(proxy.script_calls() - calls, 3);
}

#[tokio::test]
async fn a_remembered_refusal_ends_when_redis_admits_again() {
    let (_proxy, redis) = behind_a_proxy(|config| config).await;
    let limiter = limiter(&redis, &all(quota(1, 1)));
    let first = admit(&limiter, rate_limit::SIGNED_IN, "1").await.redis_time_us.expect("redis decided");

    let second = until_decided_by(Decision::Allowed, &limiter, rate_limit::SIGNED_IN, "1").await;

    let apart = second.redis_time_us.expect("redis decided") - first;
    assert!(apart >= 1_000_000, "{apart}");
    assert!(counted(&redis.metrics, rate_limit::SIGNED_IN, Decision::DeniedLocal) > 0);
}

#[tokio::test]
async fn a_limit_that_an_operator_lifts_is_lifted_in_every_process_within_seconds() {
    let (_proxy, redis) = behind_a_proxy(|config| config).await;
    let limiter = limiter(&redis, &all(quota(1, 3600)));
    admit(&limiter, rate_limit::SIGNED_IN, "1").await;
    assert_eq!(admit(&limiter, rate_limit::SIGNED_IN, "1").await.decision, Some(Decision::Denied));
    assert_eq!(admit(&limiter, rate_limit::SIGNED_IN, "1").await.decision, Some(Decision::DeniedLocal));
    let mut lift = Pipeline::new();
    lift.add_command(cmd("DEL").arg(redis.handle().key("limit:signed-in:3600:1")).clone());

    assert_eq!(redis.query(&lift).await, [Value::Int(1)]);

    // Not before the hour is over, if it was not asked again.
    until_decided_by(Decision::Allowed, &limiter, rate_limit::SIGNED_IN, "1").await;
    assert_eq!(
        admit(&limiter, rate_limit::SIGNED_IN, "1").await.decision,
        Some(Decision::Denied),
        "by Redis, not by memory"
    );
}

#[tokio::test]
async fn a_slow_reply_does_not_make_a_refusal_longer() {
    let (proxy, redis) = behind_a_proxy(|config| config).await;
    let clock = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limiter = limiter(&redis, &all(quota(1, 2)));
    let charged_at = admit(&limiter, rate_limit::SIGNED_IN, "1").await.redis_time_us.expect("redis decided");
    proxy.set(Way::RepliesHeld);
    let refused = tokio::spawn({
        let limiter = limiter.clone();
        async move { admit(&limiter, rate_limit::SIGNED_IN, "1").await }
    });

    // The refusal waits in the proxy until Redis would admit again.
    while clock.time_us().await < charged_at + 2_034_000 {
        tokio::task::yield_now().await;
    }
    proxy.set(Way::Open);

    assert_eq!(refused.await.expect("it does not panic").decision, Some(Decision::Denied));
    assert_eq!(admit(&limiter, rate_limit::SIGNED_IN, "1").await.decision, Some(Decision::Allowed));
}

#[tokio::test]
async fn while_redis_is_away_the_process_limits_by_itself_and_then_redis_again() {
    let (proxy, redis) = behind_a_proxy(|config| config).await;
    let limiter = limiter(&redis, &all(quota(3, 3600)));
    admit(&limiter, rate_limit::SIGNED_IN, "1").await;
    proxy.set(Way::Cut);

    let mut decided = Vec::new();
    for _ in 0..5 {
        decided.push(admit(&limiter, rate_limit::SIGNED_IN, "1").await);
    }
    proxy.set(Way::Open);
    let back = until_decided_by(Decision::Allowed, &limiter, rate_limit::SIGNED_IN, "2").await;
    let known = admit(&limiter, rate_limit::SIGNED_IN, "1").await;

    assert!(decided.iter().all(|admission| admission.decision == Some(Decision::Fallback)));
    assert_eq!(decided.iter().map(Admission::is_admitted).collect::<Vec<_>>(), [true, true, true, false, false]);
    let refusal = decided[4].refusal.as_ref().expect("the quota is spent");
    assert!((3600..=3660).contains(&refusal.retry_after_seconds()));
    assert_eq!(decided[0].limit_header().as_deref(), Some(r#""signed-in";r=2;t=3600"#));
    assert!(back.is_admitted());
    assert_eq!(remaining(&known, 0), Some(1), "redis has counted what redis admitted");
}

#[tokio::test]
async fn all_policies_admit_or_none_is_charged_while_redis_is_away_too() {
    let (proxy, redis) = behind_a_proxy(|config| config).await;
    let limiter = limiter(&redis, &all(quota(2, 3600)));
    let sign_in = [Charge::new(rate_limit::LOGIN_ADDRESS, "192.0.2.1"), Charge::new(rate_limit::LOGIN_ACCOUNT, "ada")];
    proxy.set(Way::Cut);
    let mut succeeded = admit(&limiter, rate_limit::LOGIN_ACCOUNT, "ada").await;
    let _failed = limiter.admit(&sign_in).await;

    let refused = limiter.admit(&sign_in).await;
    limiter.refund(succeeded.take_tickets()).await;
    let next = limiter.admit(&sign_in).await;

    assert_eq!(refused.refusal.map(|refusal| refusal.policies), Some(vec![rate_limit::LOGIN_ACCOUNT]));
    assert_eq!((remaining(&next, 0), remaining(&next, 1)), (Some(0), Some(0)), "the refused one charged no address");
}

#[tokio::test]
async fn a_charge_that_redis_did_not_answer_is_counted_here_and_not_sent_again() {
    let fast = |config| Options { command_timeout: Duration::from_millis(100), ..config };
    let (proxy, redis) = behind_a_proxy(fast).await;
    let limiter = limiter(&redis, &all(quota(9, 3600)));
    admit(&limiter, rate_limit::SIGNED_IN, "1").await;
    let calls = proxy.script_calls();
    proxy.set(Way::RepliesHeld);

    let unanswered = admit(&limiter, rate_limit::SIGNED_IN, "1").await;

    assert_eq!((unanswered.decision, remaining(&unanswered, 0)), (Some(Decision::Fallback), Some(8)));
    assert_eq!(proxy.script_calls() - calls, 1);
    proxy.set(Way::Open);
    let back = until_decided_by(Decision::Allowed, &limiter, rate_limit::SIGNED_IN, "1").await;
    assert_eq!(remaining(&back, 0), Some(6), "redis had counted it");
}
