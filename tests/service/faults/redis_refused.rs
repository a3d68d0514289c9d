//! Servers that answer and are not used, since they cannot keep what is promised, or are another's: reads come from Postgres.

use reqwest::StatusCode;

use super::{
    missing,
    redis_away::{look_at, rename, until_cached},
    until,
};
use crate::{application::Backend, own_redis::OwnRedis, proxy::Proxy};

/// A replica whose Redis is this serves from Postgres, and does not come to use it.
async fn is_refused(redis: &OwnRedis) {
    let proxy = Proxy::start(&redis.url).await;
    let backend = Backend::create().await.with("REDIS_URL", proxy.url(&redis.url));
    let here = backend.start().await;
    let ada = here.api().register("ada").await;
    for attempts in 1..=4 {
        proxy.until_accepted(attempts * 5).await;
        let name = format!("Ada {attempts}");
        rename(&ada, &name).await;
        assert_eq!(look_at(&ada).await, (name, "aside; fwd=bypass".to_owned()));
        assert_eq!(missing(&here).await, ["redis"]);
    }
}

/// Two checks refuse it: its INFO says that it is a node, and the script of the probe crosses slots. Either is enough here;
/// `other_servers_than_primaries_are_refused` is about the first alone.
#[tokio::test]
async fn a_node_of_a_cluster_is_refused() {
    let redis = OwnRedis::start_with(&["--cluster-enabled", "yes"]).await;
    redis.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;

    is_refused(&redis).await;
}

#[tokio::test]
async fn a_replica_is_refused_and_used_once_it_is_the_primary() {
    let redis = OwnRedis::start_with(&["--replicaof", "127.0.0.1 1"]).await;
    let backend = Backend::create().await.with("REDIS_URL", redis.url.as_str());
    let here = backend.start().await;
    let ada = here.api().register("ada").await;
    assert_eq!(look_at(&ada).await.1, "aside; fwd=bypass");
    assert_eq!(missing(&here).await, ["redis"]);

    redis.command(&["REPLICAOF", "NO", "ONE"]).await;

    until(async || missing(&here).await.is_empty()).await;
    until_cached(&ada).await;
}

#[tokio::test]
async fn a_server_that_forbids_what_the_cache_needs_is_refused() {
    for forbidden in ["-info", "-evalsha", "-publish", "-subscribe", "-set"] {
        let redis = OwnRedis::start().await;
        redis.command(&["ACL", "SETUSER", "default", forbidden]).await;

        is_refused(&redis).await;
    }
}

#[tokio::test]
async fn of_two_databases_under_one_prefix_the_second_has_no_redis() {
    let redis = OwnRedis::start().await;
    let (first, second) = (Backend::create().await, Backend::create().await);
    let prefix = first.variables(&[])["REDIS_KEY_PREFIX"].clone();
    let first = first.with("REDIS_URL", redis.url.as_str());
    let second = second.with("REDIS_URL", redis.url.as_str()).with("REDIS_KEY_PREFIX", &prefix);
    let owner = first.start().await;
    let ada = owner.api().register("ada").await;
    until_cached(&ada).await;
    ada.api.get_json("/users/me").await;

    let other = second.start().await;
    let bob = other.api().register("bob").await;

    assert_eq!(missing(&other).await, ["redis"]);
    assert_eq!(look_at(&bob).await.1, "aside; fwd=bypass");
    assert_eq!(ada.at(other.public).api.get("/users/me").await.status(), StatusCode::UNAUTHORIZED);
    assert!(missing(&owner).await.is_empty());

    // The owner is gone, and what tells so with it; what it has cached is still there.
    drop(owner);
    until(async || {
        redis.command(&["DEL", &format!("{prefix}database")]).await;
        missing(&other).await.is_empty()
    })
    .await;
    until_cached(&bob).await;

    assert_eq!(ada.at(other.public).api.get("/users/me").await.status(), StatusCode::UNAUTHORIZED);
}
